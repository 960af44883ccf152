(; A field is one access behind a look for null, which is left out where none can be; a cast looks at what it has to. ;)
(module
  (type $pair (sub (struct (field $a i32) (field $b (mut i8)) (field $rest (mut anyref)))))
  (type $triple (sub final $pair (struct (field i32) (field (mut i8)) (field (mut anyref)) (field f64))))
  (type $shorts (array (mut i16)))
  (func $fields (param $p (ref null $pair)) (param $q (ref $pair)) (result i32)
    (struct.set $pair $rest (local.get $q) (local.get $p))
    (i32.add (struct.get $pair $a (local.get $p)) (struct.get_s $pair $b (local.get $q))))
  (func $made (param $x f64) (result (ref $triple))
    (struct.new $triple (i32.const 1) (i32.const 0) (ref.i31 (i32.const 7)) (local.get $x)))
  (func $element (param $s (ref $shorts)) (param $i i32) (result i32)
    (array.set $shorts (local.get $s) (i32.const 3) (local.get $i))
    (array.get_u $shorts (local.get $s) (local.get $i)))
  (func $tests (param $x anyref) (param $p (ref $pair)) (result i32)
    (if (ref.test (ref $pair) (local.get $x)) (then (return (i32.const 1))))
    (ref.test (ref $triple) (local.get $p)))
  (func $casts (param $x anyref) (result i32)
    (struct.get $triple 0 (ref.cast (ref null $triple) (local.get $x))))
  (func $branch (param $x eqref) (result i32)
    (block $small (result (ref i31))
      (return (array.len (ref.cast arrayref (br_on_cast $small eqref (ref i31) (local.get $x))))))
    (i31.get_s)))

;; function 0 type 3, locals anyref anyref, 23 bytes at 0x58
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 2 2
;;   0x59  local.get 1 anyref
;;   0x5b  local.get 0 anyref
;;   0x5d  struct.set type 0 field 2 anyref not null
;;   0x61  local.get 0 anyref
;;   0x63  struct.get type 0 field 0 i32
;;   0x67  local.get 1 anyref
;;   0x69  struct.get_s type 0 field 1 i32 not null
;;   0x6d  i32.add
;;   0x6e  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, rsi
;;     mov r9, rdx
;;     mov [r9 + 8], r10
;;     mov esi, [r10 + 0x10]                   ; trap NULL_STRUCTURE at 0x63
;;     movsx edi, byte ptr [r9 + 0x14]
;;     lea eax, [rsi + rdi]
;;   L0:
;;     leave
;;     ret
;; function 1 type 4, locals f64, 15 bytes at 0x70
;; stack 4, labels 0, calls 0, call weight 1, memory accesses 0
;; local weights 1
;;   0x71  i32.const 1
;;   0x73  i32.const 0
;;   0x75  i32.const 7
;;   0x77  ref.i31
;;   0x79  local.get 0 f64
;;   0x7b  struct.new type 1
;;   0x7e  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, [rdi]
;;     cmp rsp, [rax]
;;     jb L1
;;     sub rsp, 0x10
;;     mov [rbp - 8], r15
;;     movsd [rbp - 0x10], xmm0
;;     mov r15, rdi
;;     mov esi, 1
;;     mov rdi, r15
;;     call qword ptr [table 19]               ; call site at 0x7b
;;     mov dword ptr [rax + 0x10], 1
;;     mov qword ptr [rax + 8], 0xf
;;     movsd xmm15, [rbp - 0x10]
;;     movsd [rax + 0x18], xmm15
;;   L0:
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap STACK_OVERFLOW at 0x70
;; function 2 type 5, locals anyref i32, 18 bytes at 0x80
;; stack 3, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 2 2
;;   0x81  local.get 0 anyref
;;   0x83  i32.const 3
;;   0x85  local.get 1 i32
;;   0x87  array.set type 2 i32 not null
;;   0x8a  local.get 0 anyref
;;   0x8c  local.get 1 i32
;;   0x8e  array.get_u type 2 i32 not null
;;   0x91  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, rsi
;;     mov r9d, edx
;;     cmp dword ptr [r10 + 8], 3
;;     jbe L1
;;     mov [r10 + 0x16], r9w
;;     cmp r9d, [r10 + 8]
;;     jae L2
;;     movzx eax, word ptr [r10 + 2*r9 + 0x10]
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap ARRAY_OUT_OF_BOUNDS at 0x87
;;   L2:
;;     hlt                                     ; trap ARRAY_OUT_OF_BOUNDS at 0x8e
;; function 3 type 6, locals anyref anyref, 18 bytes at 0x93
;; stack 1, labels 1, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;;   0x94  local.get 0 anyref
;;   0x96  ref.test 0 of any
;;   0x99  if @1
;;   0x9b    i32.const 1
;;   0x9d    return arity 1
;;   0x9e  end @1 target, no else
;;   0x9f  local.get 1 anyref
;;   0xa1  ref.test 1 of 0 not null
;;   0xa4  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, rsi
;;     mov r9, rdx
;;     cmp r10, 1
;;     jb L2
;;     test r10d, 3
;;     jne L2
;;     mov rcx, [r10]
;;     mov rcx, [rcx]
;;     mov rdx, [rdi + 0x40]
;;     cmp rdx, [rcx]
;;   L2:
;;     jne L3
;;     mov eax, 1
;;     jmp L0
;;   L3:
;;   L1:
;;     mov rcx, [r9]
;;     cmp rcx, [rdi + 0x48]
;;   L4:
;;     sete al
;;     movzx eax, al
;;   L0:
;;     leave
;;     ret
;; function 4 type 7, locals anyref, 11 bytes at 0xa6
;; stack 1, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;;   0xa7  local.get 0 anyref
;;   0xa9  ref.cast null 1 of any
;;   0xac  struct.get type 1 field 0 i32
;;   0xb0  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, rsi
;;     test r10, r10
;;     je L1
;;     test r10d, 3
;;     jne L1
;;     mov rcx, [r10]
;;     cmp rcx, [rdi + 0x48]
;;   L1:
;;     jne L2
;;     mov eax, [r10 + 0x10]                   ; trap NULL_STRUCTURE at 0xac
;;   L0:
;;     leave
;;     ret
;;   L2:
;;     hlt                                     ; trap CAST_FAILURE at 0xa9
;; function 5 type 8, locals anyref, 22 bytes at 0xb2
;; stack 2, labels 1, calls 0, call weight 0, memory accesses 0
;; local weights 1
;;   0xb3  block @1 anyref
;;   0xb6    local.get 0 anyref
;;   0xb8    ref.test i31 of eq stays
;;   0xb8    br_if @1 height 0 arity 1
;;   0xbe    ref.cast null array of eq
;;   0xc1    array.len
;;   0xc3    return arity 1
;;   0xc4  end @1 target
;;   0xc5  i31.get_s not null
;;   0xc7  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, rsi
;;     mov ecx, r10d
;;     and ecx, 1
;;     cmp ecx, 1
;;   L2:
;;     mov rax, r10
;;     je L1
;;     test r10, r10
;;     je L3
;;     test r10d, 3
;;     jne L3
;;     mov rcx, [r10]
;;     cmp dword ptr [rcx + 0xc], 2
;;   L3:
;;     jne L4
;;     mov eax, [r10 + 8]                      ; trap NULL_ARRAY at 0xc1
;;     jmp L0
;;   L1:
;;     mov rsi, rax
;;     mov eax, esi
;;     sar eax, 1
;;   L0:
;;     leave
;;     ret
;;   L4:
;;     hlt                                     ; trap CAST_FAILURE at 0xbe
