(; The same with comparisons instead of guard pages. ;)
;;! bounds checks
(module (memory 1)
  (func (param $p i32) (result i32)
    (i32.load offset=8 (local.get $p)))
  (func (param $p i32)
    (i64.store offset=0x90000000 (local.get $p) (i64.const -1)))
  (func (param $p i32) (result i32)
    (i32.add (i32.load8_s (i32.const 16)) (memory.size))))

;; function 0 type 0, locals i32, 7 bytes at 0x23
;; stack 1, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;;   0x24  local.get 0 i32
;;   0x26  i32.load offset=8 align=4
;;   0x29  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov eax, r10d
;;     mov edx, 8
;;     add rax, rdx
;;     mov rcx, [rdi + 0x40]
;;     lea rdx, [rax + 4]
;;     cmp rdx, [rcx + 8]
;;     ja L1
;;     mov rdx, [rcx]
;;     mov eax, [rdx + rax]                    ; trap MEMORY_OUT_OF_BOUNDS at 0x26
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap MEMORY_OUT_OF_BOUNDS at 0x26
;; function 1 type 1, locals i32, 13 bytes at 0x2b
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;;   0x2c  local.get 0 i32
;;   0x2e  i64.const -1
;;   0x30  i64.store offset=2415919104 align=8
;;   0x37  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov eax, r10d
;;     mov edx, -0x70000000
;;     add rax, rdx
;;     mov rcx, [rdi + 0x40]
;;     lea rdx, [rax + 8]
;;     cmp rdx, [rcx + 8]
;;     ja L1
;;     mov rdx, [rcx]
;;     mov qword ptr [rdx + rax], -1           ; trap MEMORY_OUT_OF_BOUNDS at 0x30
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap MEMORY_OUT_OF_BOUNDS at 0x30
;; function 2 type 0, locals i32, 10 bytes at 0x39
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 0
;;   0x3a  i32.const 16
;;   0x3c  i32.load8_s align=1
;;   0x3f  memory.size
;;   0x41  i32.add
;;   0x42  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov eax, 0x10
;;     mov rcx, [rdi + 0x40]
;;     lea rdx, [rax + 1]
;;     cmp rdx, [rcx + 8]
;;     ja L1
;;     mov rdx, [rcx]
;;     movsx esi, byte ptr [rdx + rax]         ; trap MEMORY_OUT_OF_BOUNDS at 0x3c
;;     mov r8, [rdi + 0x40]
;;     mov r8, [r8 + 8]
;;     shr r8, 0x10
;;     lea eax, [rsi + r8]
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap MEMORY_OUT_OF_BOUNDS at 0x3c
