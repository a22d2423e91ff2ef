package unseal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Types of records (RFC 8446 section 5.1).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplicationData  = 23
)

const (
	headerLen  = 5
	recordMax  = 1<<14 + 256 // of a sealed record (RFC 8446 section 5.2)
	recordsMax = 1024
	messageMax = 256 << 10
)

// alertUserCanceled is followed by the alert that ends (RFC 8446 section 6.1).
const alertUserCanceled = 90

// opener reads the records of one connection in order.
type opener struct {
	flight      Flight
	secrets     Secrets
	ticketsOnly bool

	suite   *suite
	keys    *keys  // of the records that follow; nil while they are in the clear
	hunting bool   // the keys are those of the records after the Finished, wherever it is
	pending []byte // handshake messages not yet complete
}

// read reads all records.
func (o *opener) read(rest []byte) error {
	for range recordsMax {
		if len(rest) == 0 || o.flight.Alert != nil {
			return o.ended()
		}
		if len(rest) < headerLen {
			return fmt.Errorf("header of a record: %w", io.ErrUnexpectedEOF)
		}
		kind, length := rest[0], int(binary.BigEndian.Uint16(rest[3:]))
		if kind < recordChangeCipherSpec || kind > recordApplicationData || length > recordMax {
			return fmt.Errorf("%w: record of type %d and length %d", ErrSyntax, kind, length)
		}
		if len(rest) < headerLen+length {
			return fmt.Errorf("record: %w", io.ErrUnexpectedEOF)
		}
		record := rest[:headerLen+length]
		rest = rest[len(record):]
		if err := o.record(kind, record); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: more than %d records", ErrSyntax, recordsMax)
}

// ended says whether the bytes may end here.
func (o *opener) ended() error {
	switch {
	case o.flight.Alert != nil:
		return nil
	case len(o.pending) > 0:
		return fmt.Errorf("handshake message: %w", io.ErrUnexpectedEOF)
	case o.keys == nil:
		return fmt.Errorf("before the ServerHello: %w", io.ErrUnexpectedEOF)
	case !o.flight.Finished && !o.ticketsOnly:
		return fmt.Errorf("before the server's Finished: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

func (o *opener) record(kind byte, record []byte) error {
	switch {
	case kind == recordChangeCipherSpec:
		return nil // means nothing, for middleboxes alone (RFC 8446 appendix D.4)
	case o.keys == nil:
		before := len(o.pending)
		o.pending = append(o.pending, record[headerLen:]...)
		return o.content(kind, before)
	case kind != recordApplicationData:
		return fmt.Errorf("%w: record of type %d in the clear after the ServerHello", ErrSyntax, kind)
	}
	before := len(o.pending)
	opened, err := o.keys.open(o.pending, record)
	if err != nil {
		if o.hunting {
			return nil // one of the handshake, under other keys
		}
		return err
	}
	o.hunting = false
	// The type stands behind the content, and zeros behind that (section 5.2).
	inner := bytes.TrimRight(opened[before:], "\x00")
	if len(inner) == 0 {
		return fmt.Errorf("%w: record without a type", ErrSyntax)
	}
	kind = inner[len(inner)-1]
	o.pending = opened[:before+len(inner)-1]
	return o.content(kind, before)
}

// content takes what a record held, which stands in pending from before on.
func (o *opener) content(kind byte, before int) error {
	if kind == recordHandshake {
		return o.messages()
	}
	content := o.pending[before:]
	o.pending = o.pending[:before]
	switch {
	case before > 0:
		return fmt.Errorf("%w: record of type %d inside a handshake message", ErrSyntax, kind)
	case kind == recordAlert && len(content) == 2:
		if content[1] != alertUserCanceled {
			o.flight.Alert = new(content[1])
		}
		return nil
	case kind == recordApplicationData && o.afterFinished():
		return nil // not for us
	}
	return fmt.Errorf("%w: record that holds %d bytes of type %d", ErrSyntax, len(content), kind)
}

// messages takes the complete handshake messages from pending.
func (o *opener) messages() error {
	rest := o.pending
	for len(rest) >= 4 {
		length := int(binary.BigEndian.Uint32(rest) & 0xFFFFFF)
		if length > messageMax {
			return fmt.Errorf("%w: handshake message of %d bytes", ErrSyntax, length)
		}
		if len(rest) < 4+length {
			break
		}
		kind, body, keys := rest[0], rest[4:4+length], o.keys
		rest = rest[4+length:]
		if err := o.message(kind, body); err != nil {
			return err
		}
		if o.keys != keys && len(rest) > 0 {
			return fmt.Errorf("%w: change of keys inside a record", ErrSyntax)
		}
	}
	o.pending = append(o.pending[:0], rest...)
	return nil
}
