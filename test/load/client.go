package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"
)

// client posts bodies on one connection of its own, at a fraction of what net/http costs, and reads only the status. It is
// for one goroutine.
type client struct {
	address string
	head    []byte // up to the length
	buffer  []byte
	conn    net.Conn
	in      *bufio.Reader
}

// answerWithin bounds one request.
const answerWithin = 15 * time.Second

// newClient makes a client for POSTs to a loopback address; token may be "".
func newClient(to, token string) (*client, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, fmt.Errorf("read address: %w", err)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "http" || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("read address %s: only http on loopback is loaded", to)
	}
	head := "POST " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nContent-Type: application/json\r\n"
	if token != "" {
		head += "Authorization: Bearer " + token + "\r\n"
	}
	return &client{address: u.Host, head: []byte(head + "Content-Length: ")}, nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// post sends a body and returns the answer's status. After an error the next one opens a new connection.
func (c *client) post(ctx context.Context, body []byte) (int, error) {
	if c.conn == nil {
		dialer := net.Dialer{Timeout: answerWithin}
		conn, err := dialer.DialContext(ctx, "tcp", c.address)
		if err != nil {
			return 0, err
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	status, err := c.exchange(body)
	if err != nil {
		c.close()
	}
	return status, err
}

func (c *client) exchange(body []byte) (int, error) {
	if err := c.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return 0, err
	}
	c.buffer = append(c.buffer[:0], c.head...)
	c.buffer = strconv.AppendInt(c.buffer, int64(len(body)), 10)
	c.buffer = append(c.buffer, "\r\n\r\n"...)
	parts := net.Buffers{c.buffer, body}
	if _, err := parts.WriteTo(c.conn); err != nil {
		return 0, err
	}
	return c.answer()
}

var errAnswer = errors.New("the answer is not one of HTTP/1.1 with a length")

// answer reads head and body. Servers that are loaded here always say how long their short answers are.
func (c *client) answer() (int, error) {
	first, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(first) < len("HTTP/1.1 200") || !bytes.HasPrefix(first, []byte("HTTP/1.1 ")) {
		return 0, errAnswer
	}
	status, err := strconv.Atoi(string(first[9:12]))
	if err != nil {
		return 0, errAnswer
	}
	length, ends := -1, false
	for {
		field, err := c.in.ReadSlice('\n')
		if err != nil {
			return status, err
		}
		field = bytes.TrimSpace(field)
		if len(field) == 0 {
			break
		}
		name, value, _ := bytes.Cut(field, []byte(":"))
		value = bytes.TrimSpace(value)
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return status, errAnswer
			}
		}
		ends = ends || bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(value, []byte("close"))
	}
	if length < 0 {
		return status, errAnswer
	}
	_, err = c.in.Discard(length)
	if ends {
		c.close()
	}
	return status, err
}
