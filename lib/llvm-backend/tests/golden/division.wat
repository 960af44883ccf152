(; Checks stand only where an operand may be one that traps. ;)
(module
  (func (param $a i32) (result i32) (i32.div_u (local.get $a) (i32.const 10)))
  (func (param $a i32) (result i32) (i32.rem_s (local.get $a) (i32.const 7)))
  (func (param $a i32) (param $b i32) (result i32) (i32.div_s (local.get $a) (local.get $b))))

;; function 0 type 0, locals i32, 7 bytes at 0x20
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;; define internal fastcc i32 @f0(ptr %0, i32 %1) #0 section ".text"
;;   0x21  local.get 0 i32
;;   0x23  i32.const 10
;;   0x25  i32.div_u                             | %2 = udiv i32 %1, 10
;;   0x26  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %2
;; function 1 type 0, locals i32, 7 bytes at 0x28
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;; define internal fastcc i32 @f1(ptr %0, i32 %1) #0 section ".text"
;;   0x29  local.get 0 i32
;;   0x2b  i32.const 7
;;   0x2d  i32.rem_s                             | %2 = srem i32 %1, 7
;;   0x2e  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %2
;; function 2 type 1, locals i32 i32, 7 bytes at 0x30
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;; define internal fastcc i32 @f2(ptr %0, i32 %1, i32 %2) #0 section ".text"
;;   0x31  local.get 0 i32
;;   0x33  local.get 1 i32
;;   0x35  i32.div_s                             | %3 = icmp eq i32 %2, 0
;;                                               | br i1 %3, label %t1, label %c1
;;                                               | c1:
;;                                               | %4 = icmp eq i32 %1, -2147483648
;;                                               | %5 = icmp eq i32 %2, -1
;;                                               | %6 = and i1 %4, %5
;;                                               | br i1 %6, label %t2, label %c2
;;                                               | c2:
;;                                               | %7 = sdiv i32 %1, %2
;;   0x36  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %7
;; traps                                         | t1:
;;                                               | call void @trap.7() #3, !dbg 0x35
;;                                               | unreachable
;;                                               | t2:
;;                                               | call void @trap.8() #3, !dbg 0x35
;;                                               | unreachable
