package main

import (
	"fmt"
	"time"
)

const tiny = "benefit"

func makeOrder() Order {
	order := Order{
		ID:         9_007_199_254_740_993,
		CreatedAt:  time.Date(2026, 3, 1, 12, 34, 56, 789_000_000, time.UTC),
		Customer:   Customer{ID: "c-20391", Name: "Ada Lovelace", Email: "ada@example.com", Since: time.Date(2019, 7, 14, 0, 0, 0, 0, time.UTC)},
		Shipping:   Address{Street: "12 Saint James Square", City: "London", Postcode: "SW1Y 4JH", Country: "GB"},
		Tags:       map[string]bool{"priority": true, "returning": true, "newsletter": true},
		Status:     "paid",
		TotalCents: 48_230,
		WeightKg:   12.375,
		Signature:  make([]byte, 16),
	}
	colours := []string{"brass", "steel"}
	for i := range 10 {
		order.Lines = append(order.Lines, Line{
			Sku:            fmt.Sprintf("SKU-%d", 1000+i*37),
			Title:          fmt.Sprintf("Analytical engine part number %d", i),
			Quantity:       float64(1 + i%4),
			UnitPriceCents: float64(1999 + i*250),
			Options:        map[string]string{"colour": colours[i%2]},
			Gift:           i%3 == 0,
		})
	}
	for i := range order.Signature {
		order.Signature[i] = byte(i * 7)
	}
	return order
}
