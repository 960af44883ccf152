(; An operand is the text of a value: constants and locals cost nothing. ;)
(module
  (func (param $a i32) (param $b i32) (result i32)
    (i32.add (local.get $a) (local.get $b)))
  (func (param $a i32) (param $b i32) (result i32) (local $c i32)
    (local.set $c (i32.sub (local.get $b) (i32.const 7)))
    (local.set $a (i32.xor (local.get $c) (local.get $a)))
    (i32.mul (local.get $a) (i32.const 5)))
  (func (param $a i64) (param $n i64) (result i64)
    (i64.shl (i64.or (local.get $a) (i64.const 0x123456789)) (local.get $n))))

;; function 0 type 0, locals i32 i32, 7 bytes at 0x21
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;; define internal fastcc i32 @f0(ptr %0, i32 %1, i32 %2) #0 section ".text"
;;   0x22  local.get 0 i32
;;   0x24  local.get 1 i32
;;   0x26  i32.add                               | %3 = add i32 %1, %2
;;   0x27  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %3
;; function 1 type 0, locals i32 i32 i32, 23 bytes at 0x29
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 3 1 2
;; define internal fastcc i32 @f1(ptr %0, i32 %1, i32 %2) #0 section ".text"
;;   0x2c  local.get 1 i32
;;   0x2e  i32.const 7
;;   0x30  i32.sub                               | %3 = sub i32 %2, 7
;;   0x31  local.set 2 i32
;;   0x33  local.get 2 i32
;;   0x35  local.get 0 i32
;;   0x37  i32.xor                               | %4 = xor i32 %3, %1
;;   0x38  local.set 0 i32
;;   0x3a  local.get 0 i32
;;   0x3c  i32.const 5
;;   0x3e  i32.mul                               | %5 = mul i32 %4, 5
;;   0x3f  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %5
;; function 2 type 1, locals i64 i64, 14 bytes at 0x41
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;; define internal fastcc i64 @f2(ptr %0, i64 %1, i64 %2) #0 section ".text"
;;   0x42  local.get 0 i64
;;   0x44  i64.const 4886718345
;;   0x4a  i64.or                                | %3 = or i64 %1, 4886718345
;;   0x4b  local.get 1 i64
;;   0x4d  i64.shl                               | %4 = and i64 %2, 63
;;                                               | %5 = shl i64 %3, %4
;;   0x4e  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i64 %5
