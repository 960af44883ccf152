(; An access is one instruction; an offset of 2 GiB or more is added first. ;)
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
;;     mov r11, [rdi + 8]
;;     mov eax, [r11 + r10 + 8]                ; trap MEMORY_OUT_OF_BOUNDS at 0x26
;;   L0:
;;     leave
;;     ret
;; function 1:
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r11, [rdi + 8]
;;     mov edx, -0x70000000
;;     add rdx, r10
;;     mov qword ptr [r11 + rdx], -1           ; trap MEMORY_OUT_OF_BOUNDS at 0x30
;;   L0:
;;     leave
;;     ret
;; function 2:
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi + 8]
;;     movsx esi, byte ptr [r11 + 0x10]        ; trap MEMORY_OUT_OF_BOUNDS at 0x3c
;;     mov r8, [rdi + 0x30]
;;     mov r8, [r8 + 8]
;;     shr r8, 0x10
;;     lea eax, [rsi + r8]
;;   L0:
;;     leave
;;     ret
