(; An access is one instruction; an offset of 2 GiB or more is added first. ;)
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
;;     mov r11, [rdi + 8]
;;     mov eax, [r11 + r10 + 8]                ; trap MEMORY_OUT_OF_BOUNDS at 0x26
;;   L0:
;;     leave
;;     ret
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
;;     mov r11, [rdi + 8]
;;     mov edx, -0x70000000
;;     add rdx, r10
;;     mov qword ptr [r11 + rdx], -1           ; trap MEMORY_OUT_OF_BOUNDS at 0x30
;;   L0:
;;     leave
;;     ret
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
;;     mov r11, [rdi + 8]
;;     movsx esi, byte ptr [r11 + 0x10]        ; trap MEMORY_OUT_OF_BOUNDS at 0x3c
;;     mov r8, [rdi + 0x40]
;;     mov r8, [r8 + 8]
;;     shr r8, 0x10
;;     lea eax, [rsi + r8]
;;   L0:
;;     leave
;;     ret
