// The peer "Service Weaver": the Go original, deployed by `weaver multi`. Every replica of main is a caller; it dials the benchmark, which tells all of them what
// to do and when, one JSON line each way.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/ServiceWeaver/weaver"
)

type app struct {
	weaver.Implements[weaver.Main]
	echo weaver.Ref[Echo]
}

// command is what the benchmark sends.
type command struct {
	Payload string  // tiny or order
	Callers int     // goroutines that call at once
	Calls   int     // calls to make, or 0
	Seconds float64 // else for how long
}

// sample is the answer.
type sample struct {
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
	P50Us   float64 `json:"p50Us"`
	P99Us   float64 `json:"p99Us"`
}

func main() {
	if err := weaver.Run(context.Background(), serve); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, app *app) error {
	conn, err := net.Dial("tcp", os.Getenv("BENCH_ADDRESS"))
	if err != nil {
		return err
	}
	defer conn.Close()
	commands, answers := json.NewDecoder(bufio.NewReader(conn)), json.NewEncoder(conn)
	order := makeOrder()
	for {
		var c command
		if err := commands.Decode(&c); err != nil {
			return err // the benchmark has ended
		}
		call := func() error {
			_, err := app.echo.Get().Tiny(ctx, tiny)
			return err
		}
		if c.Payload == "order" {
			call = func() error {
				_, err := app.echo.Get().Order(ctx, order)
				return err
			}
		}
		s, err := measure(c, call)
		if err != nil {
			return fmt.Errorf("a call of %s failed: %w", c.Payload, err)
		}
		if err := answers.Encode(s); err != nil {
			return err
		}
	}
}

func measure(c command, call func() error) (sample, error) {
	var (
		group     sync.WaitGroup
		latencies = make([][]time.Duration, c.Callers)
		failures  = make([]error, c.Callers)
		start     = time.Now()
		until     = start.Add(time.Duration(c.Seconds * float64(time.Second)))
	)
	for i := range c.Callers {
		group.Go(func() {
			own := make([]time.Duration, 0, 1<<16)
			for c.Calls > 0 && len(own) < c.Calls/c.Callers || c.Calls == 0 && time.Now().Before(until) {
				before := time.Now()
				if failures[i] = call(); failures[i] != nil {
					return
				}
				own = append(own, time.Since(before))
			}
			latencies[i] = own
		})
	}
	group.Wait()
	elapsed := time.Since(start)
	for _, err := range failures {
		if err != nil {
			return sample{}, err
		}
	}
	all := slices.Concat(latencies...)
	slices.Sort(all)
	at := func(p int) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[min(len(all)-1, len(all)*p/100)].Nanoseconds()) / 1_000
	}
	return sample{Calls: len(all), Seconds: elapsed.Seconds(), P50Us: at(50), P99Us: at(99)}, nil
}
