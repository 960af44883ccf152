// The ways in which a program ends, by its argument.
package main

import (
	"errors"
	"fmt"
	"os"
)

type tree struct{ left, right *tree }

func deep(n int) int {
	if n == 0 {
		return 0
	}
	return deep(n-1) + 1
}

func main() {
	fmt.Println("begin")
	switch os.Args[1] {
	case "exit":
		os.Exit(7)
	case "panic":
		panic(errors.New("on purpose"))
	case "nil":
		var none *tree
		fmt.Println(none.left)
	case "index":
		fmt.Println(os.Args[len(os.Args)])
	case "deadlock":
		<-make(chan int)
	case "map":
		var none map[string]int
		none["a"] = 1
	case "deep":
		fmt.Println(deep(10000))
	case "memory":
		kept := [][]byte{}
		for at := 0; at < 64; at++ {
			kept = append(kept, make([]byte, 16<<20))
		}
		fmt.Println(len(kept))
	}
	fmt.Println("end")
}
