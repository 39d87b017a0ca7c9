package main

import (
	"context"
	"time"

	"github.com/ServiceWeaver/weaver"
)

// Echo is the twin of bench/src/echo.ts.
type Echo interface {
	Tiny(ctx context.Context, text string) (string, error)
	Order(ctx context.Context, order Order) (Order, error)
}

type echo struct {
	weaver.Implements[Echo]
}

func (*echo) Tiny(_ context.Context, text string) (string, error) { return text, nil }

func (*echo) Order(_ context.Context, order Order) (Order, error) { return order, nil }

// Order and what it is made of are the twins of bench/src/order.ts.
type Order struct {
	weaver.AutoMarshal
	ID         int64
	CreatedAt  time.Time
	Customer   Customer
	Shipping   Address
	Billing    *Address
	Lines      []Line
	Tags       map[string]bool
	Status     string
	TotalCents float64
	WeightKg   float64
	Note       *string
	Signature  []byte
}

type Customer struct {
	weaver.AutoMarshal
	ID    string
	Name  string
	Email string
	Since time.Time
}

type Address struct {
	weaver.AutoMarshal
	Street   string
	City     string
	Postcode string
	Country  string
}

type Line struct {
	weaver.AutoMarshal
	Sku            string
	Title          string
	Quantity       float64
	UnitPriceCents float64
	Options        map[string]string
	Gift           bool
}
