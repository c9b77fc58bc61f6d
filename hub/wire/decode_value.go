package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// read puts a raw value into a field; null is nothing but a raw value.
func read(raw []byte, into any) error {
	switch into := into.(type) {
	case *json.RawMessage:
		*into = bytes.Clone(raw)
	case *string:
		if raw[0] != '"' {
			return errors.New("it is a string")
		}
		*into = unquote(raw)
	case *uint64:
		return readNumber(raw, into, 0)
	case *id:
		return readNumber(raw, (*uint64)(into), 1)
	case *int64:
		return readInto(raw, func(n uint64) { *into = int64(n) })
	case **int:
		return readInto(raw, func(n uint64) { *into = new(int(n)) })
	case *bool:
		return readBool(raw, into)
	case *[]TransactWrite:
		return readParts(raw, into, "a write")
	case *[]TransactAppend:
		return readParts(raw, into, "an append")
	case *[]TransactCall:
		return readParts(raw, into, "a call")
	case *[]string:
		return readList(raw, into)
	case *List[string]:
		return readList(raw, (*[]string)(into))
	case *map[string]json.RawMessage:
		return readMap(raw, into, func(raw []byte) (json.RawMessage, error) { return bytes.Clone(raw), nil })
	case *map[string]uint64:
		return readMap(raw, into, func(raw []byte) (n uint64, err error) { return n, readNumber(raw, &n, 0) })
	default:
		panic(fmt.Sprintf("wire: no way to read into %T", into))
	}
	return nil
}

// An id is a number that is not 0.
type id uint64

// readNumber reads plain digits.
func readNumber(raw []byte, into *uint64, least uint64) error {
	var n uint64
	for _, c := range raw {
		if !digit(c) || n > MaxNumber {
			n = MaxNumber + 1
			break
		}
		n = n*10 + uint64(c-'0')
	}
	if n < least || n > MaxNumber {
		return fmt.Errorf("it is a whole number from %d to 2^53, in plain digits", least)
	}
	*into = n
	return nil
}

// readInto reads plain digits into another type; MaxNumber fits into all of them.
func readInto(raw []byte, put func(uint64)) error {
	var n uint64
	if err := readNumber(raw, &n, 0); err != nil {
		return err
	}
	put(n)
	return nil
}

func readBool(raw []byte, into *bool) error {
	switch string(raw) {
	case "true", "false":
		*into = raw[0] == 't'
		return nil
	}
	return errors.New("it is true or false")
}

func readList(raw []byte, into *[]string) error {
	if raw[0] != '[' {
		return errors.New("it is an array of strings")
	}
	return parts(raw, func(_, value []byte) error {
		if value[0] != '"' {
			return errors.New("it is an array of strings")
		}
		*into = append(*into, unquote(value))
		return nil
	})
}

func readMap[T any](raw []byte, into *map[string]T, value func([]byte) (T, error)) error {
	if raw[0] != '{' {
		return errors.New("it is an object")
	}
	return parts(raw, func(quoted, one []byte) error {
		name := unquote(quoted)
		v, err := value(one)
		if err != nil {
			return fmt.Errorf("%q: %w", shorten(name), err)
		}
		if *into == nil {
			*into = make(map[string]T)
		}
		(*into)[name] = v
		return nil
	})
}
