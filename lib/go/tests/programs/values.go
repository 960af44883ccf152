// Values printed in all forms, maps, goroutines, channels, select, timers, what is read from standard input.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"
)

type point struct {
	X, Y int
	Name string
}

func main() {
	p := point{1, 2, "p"}
	fmt.Printf("%v %+v %#v %T %d %x %X %o %b %08b %q %8.3f %e %g %t %c %U %s %10s|%-10s| %p\n",
		p, p, p, p, 42, 255, 255, 8, 5, 5, "quo\"te", 3.14159, 12345.678, 1e21, true, 'x', 'ü', "text", "right", "left", nil)
	counts := map[string]int{"one": 1, "two": 2, "three": 3}
	names := []string{}
	for name := range counts {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Println(names, counts, len(counts), cap(make([]int, 3, 9)))

	var waiting sync.WaitGroup
	var lock sync.Mutex
	total := 0
	for at := 0; at < 10000; at++ {
		waiting.Add(1)
		go func(n int) {
			defer waiting.Done()
			time.Sleep(time.Duration(n%7) * time.Millisecond)
			lock.Lock()
			total += n
			lock.Unlock()
		}(at)
	}
	waiting.Wait()
	fmt.Println("total", total)

	numbers, done := make(chan int), make(chan bool)
	go func() {
		for number := range numbers {
			fmt.Println("got", number)
		}
		close(done)
	}()
	for at := 0; at < 3; at++ {
		numbers <- at
	}
	close(numbers)
	<-done
	select {
	case <-time.After(30 * time.Millisecond):
		fmt.Println("late")
	case <-make(chan int):
		fmt.Println("never")
	}
	ticker, ticks := time.NewTicker(2*time.Millisecond), 0
	for range ticker.C {
		if ticks++; ticks == 5 {
			break
		}
	}
	ticker.Stop()
	start := time.Now()
	time.Sleep(20 * time.Millisecond)
	fmt.Println("slept", time.Since(start) >= 20*time.Millisecond, ticks, time.Unix(0, 0).UTC())

	encoded, err := json.Marshal(map[string]any{"b": []int{1, 2}, "a": "grüß", "c": nil, "d": 1.5})
	fmt.Println(string(encoded), err)
	fmt.Println(regexp.MustCompile(`(\w+)@(\w+)\.com`).ReplaceAllString("user@example.com", "$2 $1"))
	power := new(big.Int).Exp(big.NewInt(3), big.NewInt(200), nil)
	fmt.Println(power, strings.Repeat("ab", 3), strings.Fields(" a  b "))

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println("line:", lines.Text())
	}
	fmt.Println(os.Args[1:], os.Getenv("MINE") == "set")
	defer fmt.Println("deferred")
	defer func() { fmt.Println("recovered:", recover()) }()
	var none []int
	fmt.Println(none[len(os.Args)+5])
}
