// Functions for its host, in terms of the host's values.
package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall/js"
	"time"
)

type call = func(js.Value, []js.Value) any

func main() {
	limit := js.Global().Get("config").Get("limit").Int()
	functions := map[string]call{
		"add": func(_ js.Value, args []js.Value) any {
			sum := args[0].Int() + args[1].Int()
			if sum > limit {
				js.Global().Get("warn").Invoke(sum)
			}
			return sum
		},
		"upper": func(_ js.Value, args []js.Value) any { return strings.ToUpper(args[0].String()) },
		"kinds": func(_ js.Value, args []js.Value) any {
			kinds := []any{}
			for _, each := range args {
				kinds = append(kinds, each.Type().String())
			}
			return kinds
		},
		"sum": func(_ js.Value, args []js.Value) any {
			total := 0
			for at := 0; at < args[1].Int(); at++ {
				total += args[0].Invoke(at).Int()
			}
			return total
		},
		"invert": func(_ js.Value, args []js.Value) any {
			data := make([]byte, args[0].Length())
			js.CopyBytesToGo(data, args[0])
			for at := range data {
				data[at] ^= 0xFF
			}
			made := js.Global().Get("Uint8Array").New(len(data))
			js.CopyBytesToJS(made, data)
			return made
		},
		"caught":  caught,
		"later":   later,
		"reshape": reshape,
		"fail":    func(_ js.Value, args []js.Value) any { panic("on purpose: " + args[0].String()) },
		"repeat": func(_ js.Value, args []js.Value) any {
			for at := 0; at < args[1].Int(); at++ {
				args[0].Invoke()
			}
			return nil
		},
	}
	for name, function := range functions {
		js.Global().Set(name, js.FuncOf(function))
	}
	fmt.Println("ready", js.Global().Get("one").Equal(js.ValueOf(true)), js.Global().Get("one").Equal(js.ValueOf(1)))
	select {}
}

func caught(_ js.Value, args []js.Value) (result any) {
	defer func() {
		if err, ok := recover().(error); ok {
			var thrown js.Error
			if errors.As(err, &thrown) {
				result = "caught " + thrown.Value.Get("name").String() + ": " + thrown.Value.Get("message").String()
			}
		}
	}()
	return args[0].Invoke()
}

func later(_ js.Value, args []js.Value) any {
	delay := args[0].Int()
	var executor js.Func
	executor = js.FuncOf(func(_ js.Value, settle []js.Value) any {
		go func() {
			defer executor.Release()
			time.Sleep(time.Duration(delay) * time.Millisecond)
			if delay > 50 {
				settle[1].Invoke(js.Global().Get("Error").New("too long"))
			} else {
				settle[0].Invoke(fmt.Sprintf("after %d", delay))
			}
		}()
		return nil
	})
	return js.Global().Get("Promise").New(executor)
}

func reshape(_ js.Value, args []js.Value) any {
	given := args[0]
	given.Set("added", 5)
	given.Get("list").SetIndex(0, "first")
	return map[string]any{
		"name":      given.Get("name"),
		"length":    given.Get("list").Length(),
		"nested":    map[string]any{"x": []any{1, 2.5, nil, true}},
		"undefined": given.Get("nothing"),
		"itself":    given.Get("self").Equal(given),
	}
}
