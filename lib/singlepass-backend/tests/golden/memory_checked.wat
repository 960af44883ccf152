(; The same with comparisons instead of guard pages. ;)
;;! bounds checks
(module (memory 1)
  (func (param $p i32) (result i32)
    (i32.load offset=8 (local.get $p)))
  (func (param $p i32)
    (i64.store offset=0x90000000 (local.get $p) (i64.const -1)))
  (func (param $p i32) (result i32)
    (i32.add (i32.load8_s (i32.const 16)) (memory.size))))

;; function 0:
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov eax, r10d
;;     mov edx, 8
;;     add rax, rdx
;;     mov rcx, [rdi + 0x30]
;;     lea rdx, [rax + 4]
;;     cmp rdx, [rcx + 8]
;;     ja L1
;;     mov rdx, [rcx]
;;     mov eax, [rdx + rax]                    ; trap MEMORY_OUT_OF_BOUNDS at 0x26
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     ud2                                     ; trap MEMORY_OUT_OF_BOUNDS at 0x26
;; function 1:
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov eax, r10d
;;     mov edx, -0x70000000
;;     add rax, rdx
;;     mov rcx, [rdi + 0x30]
;;     lea rdx, [rax + 8]
;;     cmp rdx, [rcx + 8]
;;     ja L1
;;     mov rdx, [rcx]
;;     mov qword ptr [rdx + rax], -1           ; trap MEMORY_OUT_OF_BOUNDS at 0x30
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     ud2                                     ; trap MEMORY_OUT_OF_BOUNDS at 0x30
;; function 2:
;;     push rbp
;;     mov rbp, rsp
;;     mov eax, 0x10
;;     mov rcx, [rdi + 0x30]
;;     lea rdx, [rax + 1]
;;     cmp rdx, [rcx + 8]
;;     ja L1
;;     mov rdx, [rcx]
;;     movsx esi, byte ptr [rdx + rax]         ; trap MEMORY_OUT_OF_BOUNDS at 0x3c
;;     mov r8, [rdi + 0x30]
;;     mov r8, [r8 + 8]
;;     shr r8, 0x10
;;     lea eax, [rsi + r8]
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     ud2                                     ; trap MEMORY_OUT_OF_BOUNDS at 0x3c
