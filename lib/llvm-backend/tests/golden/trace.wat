(; A trace is a call of a helper: four constants. ;)
;;! traced
(module
  (func (param i32) (result i32) (local.get 0)))

;; function 0 type 0, locals i32, 4 bytes at 0x18
;; stack 1, labels 0, calls 0, call weight 1, memory accesses 0
;; local weights 1
;; define internal fastcc i32 @f0(ptr %0, i32 %1) #0 section ".text" prologue
;;   0x18  internal.trace event 0, 0 0           | %2 = load ptr, ptr getelementptr (i8, ptr @wasm.code, i64 -104), align 8, !alias.scope !context, !noalias !memory
;;                                               | call void %2(ptr %0, i32 0, i32 0, i32 0, i32 24) #2, !dbg 0x18
;;   0x19  local.get 0 i32
;;   0x1b  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %1
