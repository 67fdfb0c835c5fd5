package archive

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A raw batch begins with a frame that zstd's readers skip (RFC 8878, 3.1.2). The frame
// holds, as JSON, what the manifest says of the batch, so that the batch can be listed
// without the manifest. It does not say when the batch was added: the same documents give
// the same bytes at any time.
type header struct {
	Kind      string `json:"kind"`
	Documents int    `json:"documents"`
	RawBytes  int64  `json:"raw_bytes"` // unpacked
}

// headerMagic is one of the sixteen magic numbers of a skippable frame.
const headerMagic = 0x184D2A5B

// maxHeader is how many bytes of a header are read at most.
const maxHeader = 4 << 10

func (h *header) frame() []byte {
	text, err := json.Marshal(h)
	if err != nil { // a word and two numbers always marshal
		panic("archive: encode header: " + err.Error())
	}
	out := binary.LittleEndian.AppendUint32(nil, headerMagic)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(text)))
	return append(out, text...)
}

var errNoHeader = errors.New("it has no header: an older bandish wrote it")

// readHeader reads the header of a raw batch. The error is errNoHeader for a batch that
// was written before there were headers.
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
