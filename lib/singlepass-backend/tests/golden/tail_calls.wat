(; Arguments lie where the function's own did; one that needs more room for them makes it first. ;)
(module
  (import "env" "host" (func $host (param i32 f64) (result f64)))
  (type $eight (func (param i64 i64 i64 i64 i64 i64 i64 f32) (result i64 f64)))
  (table 4 funcref)
  (func $swapped (param i32 i32) (result i32) (return_call $swapped (local.get 1) (local.get 0)))
  (func $import (param f64) (result f64) (return_call $host (i32.const 1) (local.get 0)))
  (func $narrow (param i64 i32) (result i64 f64)
    (return_call_indirect (type $eight) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5)
      (local.get 0) (local.get 0) (f32.const 8) (local.get 1)))
  (func $wide (type $eight)
    (if (i64.eqz (local.get 0)) (then (return (local.get 6) (f64.const 1))))
    (return_call $wide (local.get 6) (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)
      (local.get 5) (local.get 7))))

;; function 1 type 2, locals i32 i32, 8 bytes at 0x4f
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;;   0x50  local.get 1 i32
;;   0x52  local.get 0 i32
;;   0x54  return_call 1 type 2
;;   0x56  end @0 unreached
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r9d, edx
;;     mov rsi, r9
;;     mov rdx, r10
;;     leave
;;     jmp qword ptr [table 0]
;;   L0:
;;     leave
;;     ret
;; function 2 type 3, locals f64, 8 bytes at 0x58
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;;   0x59  i32.const 1
;;   0x5b  local.get 0 f64
;;   0x5d  return_call 0 type 1
;;   0x5f  end @0 unreached
;; --
;;     push rbp
;;     mov rbp, rsp
;;     movaps xmm13, xmm0
;;     movaps xmm0, xmm13
;;     mov esi, 1
;;     mov rax, [rdi + 0x70]
;;     mov rdi, [rdi + 0x78]
;;     leave
;;     jmp rax
;;   L0:
;;     leave
;;     ret
;; function 3 type 4, locals i64 i32, 26 bytes at 0x61
;; stack 9, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 2 1
;;   0x62  i64.const 1
;;   0x64  i64.const 2
;;   0x66  i64.const 3
;;   0x68  i64.const 4
;;   0x6a  i64.const 5
;;   0x6c  local.get 0 i64
;;   0x6e  local.get 0 i64
;;   0x70  f32.const 0x41000000
;;   0x75  local.get 1 i32
;;   0x77  return_call_indirect type 0 table 0
;;   0x7a  end @0 unreached
;; --
;;     mov r10d, 2
;;     call qword ptr [table -1]
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, [rdi]
;;     cmp rsp, [rax]
;;     jb L5
;;     sub rsp, 0x20
;;     mov [rbp - 8], rsi
;;     mov r10, rdx
;;     mov r9d, ecx
;;     mov rcx, [rdi + 0x40]
;;     cmp r9d, [rcx + 8]
;;     jae L1
;;     mov rcx, [rcx]
;;     mov rax, [rcx + 8*r9]
;;     test rax, rax
;;     je L2
;;     mov rcx, [rdi + 0x48]
;;     cmp rcx, [rax + 0x10]
;;     jne L3
;;     mov ecx, 5
;;     mov [rbp + 0x10], rcx
;;     mov [rbp + 0x18], r10
;;     mov [rbp + 0x20], r10
;;     mov edx, 1
;;     mov ecx, 2
;;     mov r8d, 3
;;     mov r9d, 4
;;     movss xmm0, [constant 0x0]
;;     mov rsi, [rbp - 8]
;;     cmp rdi, [rax + 8]
;;     je L4
;;     mov rdi, [rax + 8]
;;   L4:
;;     mov rax, [rax]
;;     leave
;;     jmp rax
;;   L0:
;;     mov rcx, [rbp - 8]
;;     movsd xmm15, [rbp - 0x18]
;;     movsd [rcx], xmm15
;;     mov rax, [rbp - 0x10]
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap UNDEFINED_ELEMENT at 0x77
;;   L2:
;;     hlt                                     ; trap UNINITIALIZED_ELEMENT at 0x77
;;   L3:
;;     hlt                                     ; trap INDIRECT_CALL_TYPE_MISMATCH at 0x77
;;   L5:
;;     hlt                                     ; trap STACK_OVERFLOW at 0x61
;; function 4 type 0, locals i64 i64 i64 i64 i64 i64 i64 f32, 38 bytes at 0x7c
;; stack 8, labels 1, calls 0, call weight 0, memory accesses 0
;; local weights 2 1 1 1 1 1 2 1
;;   0x7d  local.get 0 i64
;;   0x7f  i64.eqz
;;   0x80  if @1
;;   0x82    local.get 6 i64
;;   0x84    f64.const 0x3ff0000000000000
;;   0x8d    return arity 2
;;   0x8e  end @1 target, no else
;;   0x8f  local.get 6 i64
;;   0x91  local.get 0 i64
;;   0x93  local.get 1 i64
;;   0x95  local.get 2 i64
;;   0x97  local.get 3 i64
;;   0x99  local.get 4 i64
;;   0x9b  local.get 5 i64
;;   0x9d  local.get 7 f32
;;   0x9f  return_call 4 type 0
;;   0xa1  end @0 unreached
;; --
;;     push rbp
;;     mov rbp, rsp
;;     sub rsp, 0x60
;;     mov [rbp - 0x20], rsi
;;     mov [rbp - 8], rcx
;;     mov [rbp - 0x10], r8
;;     mov [rbp - 0x18], r9
;;     mov r10, rdx
;;     movaps xmm13, xmm0
;;     mov r9, [rbp + 0x20]
;;     test r10, r10
;;     jne L2
;;     mov [rbp - 0x28], r9
;;     movsd xmm15, [constant 0x0]
;;     movsd [rbp - 0x30], xmm15
;;     jmp L0
;;   L2:
;;   L1:
;;     mov rax, [rbp + 0x10]
;;     mov [rbp - 0x50], rax
;;     mov rax, [rbp + 0x18]
;;     mov [rbp - 0x58], rax
;;     mov rax, [rbp - 0x18]
;;     mov [rbp + 0x10], rax
;;     mov rax, [rbp - 0x50]
;;     mov [rbp + 0x18], rax
;;     mov rax, [rbp - 0x58]
;;     mov [rbp + 0x20], rax
;;     mov rdx, r9
;;     mov rcx, r10
;;     movaps xmm0, xmm13
;;     mov r8, [rbp - 8]
;;     mov r9, [rbp - 0x10]
;;     mov rsi, [rbp - 0x20]
;;     leave
;;     jmp qword ptr [table 3]
;;   L0:
;;     mov rcx, [rbp - 0x20]
;;     movsd xmm15, [rbp - 0x30]
;;     movsd [rcx], xmm15
;;     mov rax, [rbp - 0x28]
;;     leave
;;     ret
