(; Operands stay where they are; the result goes straight to the local it is stored in. ;)
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
;;   0x22  local.get 0 i32
;;   0x24  local.get 1 i32
;;   0x26  i32.add
;;   0x27  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r9d, edx
;;     lea eax, [r10 + r9]
;;   L0:
;;     leave
;;     ret
;; function 1 type 0, locals i32 i32 i32, 23 bytes at 0x29
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 3 1 2
;;   0x2c  local.get 1 i32
;;   0x2e  i32.const 7
;;   0x30  i32.sub
;;   0x31  local.set 2 i32
;;   0x33  local.get 2 i32
;;   0x35  local.get 0 i32
;;   0x37  i32.xor
;;   0x38  local.set 0 i32
;;   0x3a  local.get 0 i32
;;   0x3c  i32.const 5
;;   0x3e  i32.mul
;;   0x3f  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     sub rsp, 0x10
;;     mov [rbp - 8], edx
;;     mov r10d, esi
;;     mov r9d, [rbp - 8]
;;     sub r9d, 7
;;     xor r10d, r9d
;;     lea eax, [r10 + 4*r10]
;;   L0:
;;     leave
;;     ret
;; function 2 type 1, locals i64 i64, 14 bytes at 0x41
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;;   0x42  local.get 0 i64
;;   0x44  i64.const 4886718345
;;   0x4a  i64.or
;;   0x4b  local.get 1 i64
;;   0x4d  i64.shl
;;   0x4e  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, rsi
;;     mov r9, rdx
;;     mov rsi, r10
;;     mov rcx, 0x123456789
;;     or rsi, rcx
;;     shlx rax, rsi, r9
;;   L0:
;;     leave
;;     ret
