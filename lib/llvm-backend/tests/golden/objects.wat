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
;; define internal fastcc i32 @f0(ptr %0, ptr %1, ptr %2) #0 section ".text"
;;   0x59  local.get 1 anyref
;;   0x5b  local.get 0 anyref
;;   0x5d  struct.set type 0 field 2 anyref not null| %3 = getelementptr i8, ptr %2, i64 8
;;                                               | store volatile ptr %1, ptr %3, align 8, !alias.scope !context, !noalias !memory
;;   0x61  local.get 0 anyref
;;   0x63  struct.get type 0 field 0 i32         | %4 = icmp eq ptr %1, null
;;                                               | br i1 %4, label %t1, label %c1
;;                                               | c1:
;;                                               | %5 = getelementptr i8, ptr %1, i64 16
;;                                               | %6 = load volatile i32, ptr %5, align 4, !alias.scope !context, !noalias !memory
;;   0x67  local.get 1 anyref
;;   0x69  struct.get_s type 0 field 1 i32 not null| %7 = getelementptr i8, ptr %2, i64 20
;;                                               | %8 = load volatile i8, ptr %7, align 1, !alias.scope !context, !noalias !memory
;;                                               | %9 = sext i8 %8 to i32
;;   0x6d  i32.add                               | %10 = add i32 %6, %9
;;   0x6e  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %10
;; traps                                         | t1:
;;                                               | call void @trap.17() #3, !dbg 0x63
;;                                               | unreachable
;; function 1 type 4, locals f64, 15 bytes at 0x70
;; stack 4, labels 0, calls 0, call weight 1, memory accesses 0
;; local weights 1
;; define internal fastcc ptr @f1(ptr %0, double %1) #0 section ".text" prologue
;;   0x71  i32.const 1
;;   0x73  i32.const 0
;;   0x75  i32.const 7
;;   0x77  ref.i31                               | %2 = shl i32 7, 1
;;                                               | %3 = or i32 %2, 1
;;                                               | %4 = zext i32 %3 to i64
;;                                               | %5 = inttoptr i64 %4 to ptr
;;   0x79  local.get 0 f64
;;   0x7b  struct.new type 1                     | %6 = load ptr, ptr getelementptr (i8, ptr @wasm.code, i64 -96), align 8, !alias.scope !context, !noalias !memory
;;                                               | %7 = call ptr %6(ptr %0, i32 1) #2, !dbg 0x7b
;;                                               | %8 = getelementptr i8, ptr %7, i64 16
;;                                               | store volatile i32 1, ptr %8, align 4, !alias.scope !context, !noalias !memory
;;                                               | %9 = getelementptr i8, ptr %7, i64 8
;;                                               | store volatile ptr %5, ptr %9, align 8, !alias.scope !context, !noalias !memory
;;                                               | %10 = getelementptr i8, ptr %7, i64 24
;;                                               | store volatile double %1, ptr %10, align 8, !alias.scope !context, !noalias !memory
;;   0x7e  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret ptr %7
;; function 2 type 5, locals anyref i32, 18 bytes at 0x80
;; stack 3, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 2 2
;; define internal fastcc i32 @f2(ptr %0, ptr %1, i32 %2) #0 section ".text"
;;   0x81  local.get 0 anyref
;;   0x83  i32.const 3
;;   0x85  local.get 1 i32
;;   0x87  array.set type 2 i32 not null         | %3 = getelementptr i8, ptr %1, i64 8
;;                                               | %4 = load i32, ptr %3, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %5 = icmp uge i32 3, %4
;;                                               | br i1 %5, label %t1, label %c1
;;                                               | c1:
;;                                               | %6 = zext i32 3 to i64
;;                                               | %7 = shl i64 %6, 1
;;                                               | %8 = getelementptr i8, ptr %1, i64 %7
;;                                               | %9 = getelementptr i8, ptr %8, i64 16
;;                                               | %10 = trunc i32 %2 to i16
;;                                               | store volatile i16 %10, ptr %9, align 2, !alias.scope !context, !noalias !memory
;;   0x8a  local.get 0 anyref
;;   0x8c  local.get 1 i32
;;   0x8e  array.get_u type 2 i32 not null       | %11 = getelementptr i8, ptr %1, i64 8
;;                                               | %12 = load i32, ptr %11, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %13 = icmp uge i32 %2, %12
;;                                               | br i1 %13, label %t2, label %c2
;;                                               | c2:
;;                                               | %14 = zext i32 %2 to i64
;;                                               | %15 = shl i64 %14, 1
;;                                               | %16 = getelementptr i8, ptr %1, i64 %15
;;                                               | %17 = getelementptr i8, ptr %16, i64 16
;;                                               | %18 = load volatile i16, ptr %17, align 2, !alias.scope !context, !noalias !memory
;;                                               | %19 = zext i16 %18 to i32
;;   0x91  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %19
;; traps                                         | t1:
;;                                               | call void @trap.16() #3, !dbg 0x87
;;                                               | unreachable
;;                                               | t2:
;;                                               | call void @trap.16() #3, !dbg 0x8e
;;                                               | unreachable
;; function 3 type 6, locals anyref anyref, 18 bytes at 0x93
;; stack 1, labels 1, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;; define internal fastcc i32 @f3(ptr %0, ptr %1, ptr %2) #0 section ".text"
;;   0x94  local.get 0 anyref
;;   0x96  ref.test 0 of any                     | %3 = icmp ne ptr %1, null
;;                                               | %4 = ptrtoint ptr %1 to i64
;;                                               | %5 = trunc i64 %4 to i32
;;                                               | %6 = and i32 %5, 3
;;                                               | %7 = icmp eq i32 %6, 0
;;                                               | %8 = and i1 %3, %7
;;                                               | %9 = getelementptr i8, ptr %0, i64 64
;;                                               | %10 = select i1 %8, ptr %1, ptr %9
;;                                               | %11 = load ptr, ptr %10, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %12 = getelementptr i8, ptr %0, i64 64
;;                                               | %13 = load ptr, ptr %12, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %14 = load ptr, ptr %11, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %15 = load ptr, ptr %14, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %16 = icmp eq ptr %15, %13
;;                                               | %17 = and i1 %16, %7
;;                                               | %18 = and i1 %17, %3
;;   0x99  if @1                                 | br i1 %18, label %ret, label %b1
;;                                               | b1:
;;   0x9b    i32.const 1
;;   0x9d    return arity 1
;;   0x9e  end @1 target, no else                | b1:
;;   0x9f  local.get 1 anyref
;;   0xa1  ref.test 1 of 0 not null              | %19 = load ptr, ptr %2, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %20 = getelementptr i8, ptr %0, i64 72
;;                                               | %21 = load ptr, ptr %20, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %22 = icmp eq ptr %19, %21
;;                                               | %23 = zext i1 %22 to i32
;;   0xa4  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | %24 = phi i32 [1, %entry], [%23, %b1]
;;                                               | ret i32 %24
;; function 4 type 7, locals anyref, 11 bytes at 0xa6
;; stack 1, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;; define internal fastcc i32 @f4(ptr %0, ptr %1) #0 section ".text"
;;   0xa7  local.get 0 anyref
;;   0xa9  ref.cast null 1 of any                | %2 = ptrtoint ptr %1 to i64
;;                                               | %3 = trunc i64 %2 to i32
;;                                               | %4 = and i32 %3, 3
;;                                               | %5 = icmp ne i32 %4, 0
;;                                               | br i1 %5, label %t1, label %c1
;;                                               | c1:
;;                                               | %6 = icmp ne ptr %1, null
;;                                               | %7 = getelementptr i8, ptr %0, i64 72
;;                                               | %8 = select i1 %6, ptr %1, ptr %7
;;                                               | %9 = load ptr, ptr %8, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %10 = getelementptr i8, ptr %0, i64 72
;;                                               | %11 = load ptr, ptr %10, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %12 = icmp eq ptr %9, %11
;;                                               | %13 = xor i1 %6, true
;;                                               | %14 = or i1 %12, %13
;;                                               | %15 = xor i1 %14, true
;;                                               | br i1 %15, label %t2, label %c2
;;                                               | c2:
;;   0xac  struct.get type 1 field 0 i32         | %16 = icmp eq ptr %1, null
;;                                               | br i1 %16, label %t3, label %c3
;;                                               | c3:
;;                                               | %17 = getelementptr i8, ptr %1, i64 16
;;                                               | %18 = load volatile i32, ptr %17, align 4, !alias.scope !context, !noalias !memory
;;   0xb0  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %18
;; traps                                         | t1:
;;                                               | call void @trap.15() #3, !dbg 0xa9
;;                                               | unreachable
;;                                               | t2:
;;                                               | call void @trap.15() #3, !dbg 0xa9
;;                                               | unreachable
;;                                               | t3:
;;                                               | call void @trap.17() #3, !dbg 0xac
;;                                               | unreachable
;; function 5 type 8, locals anyref, 22 bytes at 0xb2
;; stack 2, labels 1, calls 0, call weight 0, memory accesses 0
;; local weights 1
;; define internal fastcc i32 @f5(ptr %0, ptr %1) #0 section ".text"
;;   0xb3  block @1 anyref
;;   0xb6    local.get 0 anyref
;;   0xb8    ref.test i31 of eq stays            | %2 = icmp ne ptr %1, null
;;                                               | %3 = ptrtoint ptr %1 to i64
;;                                               | %4 = trunc i64 %3 to i32
;;                                               | %5 = and i32 %4, 1
;;                                               | %6 = icmp ne i32 %5, 0
;;                                               | %7 = and i1 %6, %2
;;   0xb8    br_if @1 height 0 arity 1           | br i1 %7, label %b1, label %c1
;;                                               | c1:
;;   0xbe    ref.cast null array of eq           | %8 = ptrtoint ptr %1 to i64
;;                                               | %9 = trunc i64 %8 to i32
;;                                               | %10 = and i32 %9, 3
;;                                               | %11 = icmp ne i32 %10, 0
;;                                               | br i1 %11, label %t2, label %c2
;;                                               | c2:
;;                                               | %12 = icmp ne ptr %1, null
;;                                               | %13 = getelementptr i8, ptr %0, i64 64
;;                                               | %14 = select i1 %12, ptr %1, ptr %13
;;                                               | %15 = load ptr, ptr %14, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %16 = getelementptr i8, ptr %15, i64 12
;;                                               | %17 = load i32, ptr %16, align 4, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %18 = icmp eq i32 %17, 2
;;                                               | %19 = xor i1 %12, true
;;                                               | %20 = or i1 %18, %19
;;                                               | %21 = xor i1 %20, true
;;                                               | br i1 %21, label %t3, label %c3
;;                                               | c3:
;;   0xc1    array.len                           | %22 = icmp eq ptr %1, null
;;                                               | br i1 %22, label %t4, label %c4
;;                                               | c4:
;;                                               | %23 = getelementptr i8, ptr %1, i64 8
;;                                               | %24 = load i32, ptr %23, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;   0xc3    return arity 1                      | br label %ret
;;   0xc4  end @1 target                         | b1:
;;   0xc5  i31.get_s not null                    | %25 = ptrtoint ptr %1 to i64
;;                                               | %26 = trunc i64 %25 to i32
;;                                               | %27 = ashr i32 %26, 1
;;   0xc7  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | %28 = phi i32 [%24, %c4], [%27, %b1]
;;                                               | ret i32 %28
;; traps                                         | t2:
;;                                               | call void @trap.15() #3, !dbg 0xbe
;;                                               | unreachable
;;                                               | t3:
;;                                               | call void @trap.15() #3, !dbg 0xbe
;;                                               | unreachable
;;                                               | t4:
;;                                               | call void @trap.18() #3, !dbg 0xc1
;;                                               | unreachable
