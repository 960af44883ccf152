// A library without main (GOOS=wasip1, -buildmode=c-shared): functions that Python calls, and one of Python's.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"time"
)

//go:wasmimport host squared
func squared(number int64) int64

var lines []string

//go:wasmexport add
func add(one, other int32) int32 { return one + other }

//go:wasmexport half
func half(number float64) float64 { return number / 2 }

//go:wasmexport squares
func squares(count int64) int64 {
	numbers := make(chan int64)
	go func() {
		defer close(numbers)
		for at := int64(0); at < count; at++ {
			numbers <- squared(at)
		}
	}()
	total := int64(0)
	for number := range numbers {
		total += number
	}
	return total
}

//go:wasmexport slept
func slept(milliseconds int32) bool {
	start := time.Now()
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return time.Since(start) >= time.Duration(milliseconds)*time.Millisecond
}

//go:wasmexport remember
func remember(number int32) int32 {
	lines = append(lines, fmt.Sprint(number))
	sort.Strings(lines)
	fmt.Println(strings.Join(lines, " "))
	return int32(len(lines))
}

//go:wasmexport fail
func fail() { panic("on purpose") }

//go:wasmexport leave
func leave(code int32) { os.Exit(int(code)) }

func main() {}
