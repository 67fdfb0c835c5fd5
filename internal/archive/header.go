package archive

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A raw batch begins with a frame that zstd's readers skip (RFC 8878, 3.1.2).
// It holds as JSON what the manifest has to know of the batch, so that the
// batch is whole without the manifest. When the batch was added does not stand
// in it: the same documents give the same batch whenever they come.
type header struct {
	Kind      string `json:"kind"`
	Documents int    `json:"documents"`
	RawBytes  int64  `json:"raw_bytes"` // unpacked
}

// headerMagic is one of the sixteen numbers by which a skippable frame is
// known.
const headerMagic = 0x184D2A5B

// maxHeader bounds what is read of a header.
const maxHeader = 4 << 10

func (h *header) frame() []byte {
	text, err := json.Marshal(h)
	if err != nil { // a word and two numbers
		panic("archive: encode header: " + err.Error())
	}
	out := binary.LittleEndian.AppendUint32(nil, headerMagic)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(text)))
	return append(out, text...)
}

var errNoHeader = errors.New("it has no header: an older bandish wrote it")

// readHeader reads the header of a raw batch. errNoHeader is the error of one
// that was written before there were headers.
func readHeader(r io.Reader) (*header, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if binary.LittleEndian.Uint32(start[:]) != headerMagic {
		return nil, errNoHeader
	}
	n := binary.LittleEndian.Uint32(start[4:])
	if n > maxHeader {
		return nil, fmt.Errorf("read header: it has %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	h := new(header)
	if err := json.Unmarshal(text, h); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if h.Kind == "" || h.Documents < 0 || h.RawBytes < 0 {
		return nil, fmt.Errorf("read header: it says %s", text)
	}
	return h, nil
}
