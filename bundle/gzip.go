package bundle

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxUnpacked is how many bytes the packed files of a bundle may unpack to in
// total.
const maxUnpacked = 2 << 30

// pack compresses data with gzip, always with the same header.
func pack(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// unpack reverses pack. It subtracts the size from budget; more than is left is an
// error.
func unpack(data []byte, budget *int64) ([]byte, error) {
	in := bytes.NewReader(data)
	r, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	r.Multistream(false)
	out, err := io.ReadAll(io.LimitReader(r, *budget+1))
	if err != nil {
		return nil, err
	}
	if *budget -= int64(len(out)); *budget < 0 {
		return nil, errors.New("it unpacks to more than a bundle holds")
	}
	if in.Len() > 0 {
		return nil, errors.New("something follows what was packed")
	}
	return out, nil
}

// lines writes each value as one line of JSON.
func lines[T any](values []T) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i := range values {
		if err := e.Encode(&values[i]); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// readLines reads what lines wrote. Text that lines would not write in the same way
// is an error, so that nothing can hide in a member that is not read.
func readLines[T any](data []byte) ([]T, error) {
	var out []T
	for n := 1; len(data) > 0; n++ {
		line, rest, ended := bytes.Cut(data, []byte("\n"))
		if !ended {
			return nil, fmt.Errorf("line %d has no end", n)
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		again, err := lines([]T{v})
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if !bytes.Equal(again[:len(again)-1], line) {
			return nil, fmt.Errorf("line %d is not written as this program writes it: something was added or reordered, or another version wrote it", n)
		}
		out, data = append(out, v), rest
	}
	return out, nil
}

// document writes one value as indented JSON.
func document(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// readDocument reads what document wrote, as strictly as readLines.
func readDocument[T any](data []byte) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return v, err
	}
	again, err := document(v)
	if err == nil && !bytes.Equal(again, data) {
		err = errors.New("it is not written as this program writes it: something was added or reordered, or another version wrote it")
	}
	return v, err
}
