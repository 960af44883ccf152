(; Small functions are copied, those private to a unit return all results at once, the others follow the machine contract. ;)
(module
  (import "env" "host" (func $host (param i32 f64) (result f64)))
  (type $binary (func (param i32 i32) (result i32)))
  (table 4 funcref)
  (func $sub (type $binary) (i32.sub (local.get 0) (local.get 1)))
  (func $swapped (type $binary) (call $sub (local.get 1) (local.get 0)))
  (func (param $i i32) (result i32)
    (i32.add (i32.mul (local.get $i) (local.get $i))
             (call_indirect (type $binary) (i32.const 5) (i32.const 6) (local.get $i))))
  (func (param $x f64) (result f64)
    (f64.add (local.get $x) (call $host (i32.const 1) (local.get $x))))
  (func $pair (param i64) (result i64 i64) (local.get 0) (i64.const 1))
  (func (result i64) (i64.sub (call $pair (i64.const 9)))))

;; function 1 type 0, locals i32 i32, 7 bytes at 0x4c
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;; define internal fastcc i32 @f1(ptr %0, i32 %1, i32 %2) #0 section ".text"
;;   0x4d  local.get 0 i32
;;   0x4f  local.get 1 i32
;;   0x51  i32.sub                               | %3 = sub i32 %1, %2
;;   0x52  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %3
;; function 2 type 0, locals i32 i32, 8 bytes at 0x54
;; stack 2, labels 0, calls 1, call weight 1, memory accesses 0
;; local weights 1 1
;; define internal fastcc i32 @f2(ptr %0, i32 %1, i32 %2) #0 section ".text" prologue
;;   0x55  local.get 1 i32
;;   0x57  local.get 0 i32
;;   0x59  call 1 type 0                         | %3 = call fastcc i32 @i1(ptr %0, i32 %2, i32 %1) #2, !dbg 0x59
;;   0x5b  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %3
;; function 3 type 2, locals i32, 17 bytes at 0x5d
;; stack 4, labels 0, calls 1, call weight 1, memory accesses 0
;; local weights 3
;; define internal fastcc i32 @f3(ptr %0, i32 %1) #0 section ".text" prologue
;;   0x5e  local.get 0 i32
;;   0x60  local.get 0 i32
;;   0x62  i32.mul                               | %2 = mul i32 %1, %1
;;   0x63  i32.const 5
;;   0x65  i32.const 6
;;   0x67  local.get 0 i32
;;   0x69  call_indirect type 0 table 0          | %3 = getelementptr i8, ptr %0, i64 64
;;                                               | %4 = load ptr, ptr %3, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %5 = getelementptr i8, ptr %4, i64 8
;;                                               | %6 = load i64, ptr %5, align 8, !alias.scope !context, !noalias !memory
;;                                               | %7 = zext i32 %1 to i64
;;                                               | %8 = icmp uge i64 %7, %6
;;                                               | br i1 %8, label %t1, label %c1
;;                                               | c1:
;;                                               | %9 = load ptr, ptr %4, align 8, !alias.scope !context, !noalias !memory
;;                                               | %10 = getelementptr ptr, ptr %9, i64 %7
;;                                               | %11 = load ptr, ptr %10, align 8, !alias.scope !context, !noalias !memory
;;                                               | %12 = icmp eq ptr %11, null
;;                                               | br i1 %12, label %t2, label %c2
;;                                               | c2:
;;                                               | %13 = getelementptr i8, ptr %0, i64 72
;;                                               | %14 = load i64, ptr %13, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %15 = getelementptr i8, ptr %11, i64 16
;;                                               | %16 = load i64, ptr %15, align 8, !alias.scope !context, !noalias !memory
;;                                               | %17 = icmp ne i64 %14, %16
;;                                               | br i1 %17, label %t3, label %c3
;;                                               | c3:
;;                                               | %18 = load ptr, ptr %11, align 8, !alias.scope !context, !noalias !memory
;;                                               | %19 = getelementptr i8, ptr %11, i64 8
;;                                               | %20 = load ptr, ptr %19, align 8, !alias.scope !context, !noalias !memory
;;                                               | %21 = call i32 %18(ptr %20, i32 5, i32 6) #2, !dbg 0x69
;;   0x6c  i32.add                               | %22 = add i32 %2, %21
;;   0x6d  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %22
;; traps                                         | t1:
;;                                               | call void @trap.4() #3, !dbg 0x69
;;                                               | unreachable
;;                                               | t2:
;;                                               | call void @trap.5() #3, !dbg 0x69
;;                                               | unreachable
;;                                               | t3:
;;                                               | call void @trap.6() #3, !dbg 0x69
;;                                               | unreachable
;; function 4 type 3, locals f64, 11 bytes at 0x6f
;; stack 3, labels 0, calls 1, call weight 1, memory accesses 0
;; local weights 2
;; define internal fastcc double @f4(ptr %0, double %1) #0 section ".text" prologue
;;   0x70  local.get 0 f64
;;   0x72  i32.const 1
;;   0x74  local.get 0 f64
;;   0x76  call 0 type 1                         | %2 = getelementptr i8, ptr %0, i64 128
;;                                               | %3 = load ptr, ptr %2, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %4 = getelementptr i8, ptr %0, i64 136
;;                                               | %5 = load ptr, ptr %4, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %6 = call double %3(ptr %5, i32 1, double %1) #2, !dbg 0x76
;;   0x78  f64.add                               | %7 = fadd double %1, %6
;;   0x79  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret double %7
;; function 5 type 4, locals i64, 6 bytes at 0x7b
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;; define internal fastcc {i64, i64} @f5(ptr %0, i64 %1) #0 section ".text"
;;   0x7c  local.get 0 i64
;;   0x7e  i64.const 1
;;   0x80  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | %2 = insertvalue {i64, i64} poison, i64 %1, 0
;;                                               | %3 = insertvalue {i64, i64} %2, i64 1, 1
;;                                               | ret {i64, i64} %3
;; function 6 type 5, locals none, 7 bytes at 0x82
;; stack 2, labels 0, calls 1, call weight 1, memory accesses 0
;; define internal fastcc i64 @f6(ptr %0) #0 section ".text" prologue
;;   0x83  i64.const 9
;;   0x85  call 5 type 4                         | %1 = call fastcc {i64, i64} @i5(ptr %0, i64 9) #2, !dbg 0x85
;;                                               | %2 = extractvalue {i64, i64} %1, 0
;;                                               | %3 = extractvalue {i64, i64} %1, 1
;;   0x87  i64.sub                               | %4 = sub i64 %2, %3
;;   0x88  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i64 %4
