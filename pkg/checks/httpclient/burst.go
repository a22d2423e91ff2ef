package httpclient

import (
	"context"
	"sync"
)

// Burst sends a request up to n times as fast as it is answered, over as many
// connections at once as parallel says, at level active. Each gets every
// answer, one at a time, in the order they arrive, and ends the burst by
// returning false. Nothing of it is remembered as asked.
//
// The error is what kept a request from being answered; answers that came
// before it were given to each.
func (c *Conversation) Burst(ctx context.Context, r Request, n, parallel int, each func(*Exchange) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.wait(ctx); err != nil {
		return err
	}
	c.hangUp()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	clients := make([]*Client, min(parallel, n))
	for i := range clients {
		client, err := c.newClient(wire{certified: r.Certificate})
		if err != nil {
			return err
		}
		client.guard.burst = true
		clients[i] = client
	}
	var (
		sending sync.WaitGroup
		b       = &burst{left: n, each: each, stop: cancel}
	)
	for _, client := range clients {
		sending.Go(func() {
			defer client.hangUp()
			b.send(ctx, c, client, r)
		})
	}
	sending.Wait()
	if b.last != nil {
		c.heed(b.last)
	}
	return b.err
}

// burst is one under way.
type burst struct {
	mu   sync.Mutex
	left int
	done bool
	err  error
	last *Response
	each func(*Exchange) bool
	stop func()
}

func (b *burst) next() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done || b.left == 0 {
		return false
	}
	b.left--
	return true
}

func (b *burst) send(ctx context.Context, c *Conversation, client *Client, r Request) {
	for b.next() {
		request, err := c.build(ctx, client, r)
		var response *Response
		if err == nil {
			response, err = client.Do(request)
		}
		if !b.file(&Exchange{Request: r, Response: response}, err) {
			return
		}
	}
}

func (b *burst) file(e *Exchange, err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return false
	}
	if err != nil {
		b.err, b.done = err, true
	} else {
		b.last = e.Response
		b.done = !b.each(e)
	}
	if b.done {
		b.stop()
	}
	return !b.done
}
