(; A function that makes tail calls has a prototype for all, and no direct callers. ;)
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
;; define hidden i32 @f1(ptr %0, i64 %1, i64 %2, i64 %3, i64 %4, i64 %5, <4 x float> %6, <4 x float> %7, <4 x float> %8, <4 x float> %9, <4 x float> %10, <4 x float> %11, <4 x float> %12, <4 x float> %13) #0 section ".text"
;;   0x50  local.get 1 i32
;;   0x52  local.get 0 i32
;;   0x54  return_call 1 type 2                  | %16 = load ptr, ptr getelementptr (i8, ptr @wasm.code, i64 -232), align 8, !alias.scope !context, !noalias !memory
;;                                               | %17 = zext i32 %15 to i64
;;                                               | %18 = zext i32 %14 to i64
;;                                               | %19 = musttail call i32 %16(ptr %0, i64 %17, i64 %18, i64 poison, i64 poison, i64 poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison) #2, !dbg 0x54
;;                                               | ret i32 %19
;;   0x56  end @0 unreached
;; head                                          | %frame = call ptr @llvm.frameaddress.p0(i32 0)
;;                                               | %14 = trunc i64 %1 to i32
;;                                               | %15 = trunc i64 %2 to i32
;; function 2 type 3, locals f64, 8 bytes at 0x58
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;; define hidden double @f2(ptr %0, i64 %1, i64 %2, i64 %3, i64 %4, i64 %5, <4 x float> %6, <4 x float> %7, <4 x float> %8, <4 x float> %9, <4 x float> %10, <4 x float> %11, <4 x float> %12, <4 x float> %13) #0 section ".text"
;;   0x59  i32.const 1
;;   0x5b  local.get 0 f64
;;   0x5d  return_call 0 type 1                  | %16 = getelementptr i8, ptr %0, i64 112
;;                                               | %17 = load ptr, ptr %16, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %18 = getelementptr i8, ptr %0, i64 120
;;                                               | %19 = load ptr, ptr %18, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %20 = zext i32 1 to i64
;;                                               | %21 = insertelement <2 x double> poison, double %15, i32 0
;;                                               | %22 = bitcast <2 x double> %21 to <4 x float>
;;                                               | %23 = musttail call double %17(ptr %19, i64 %20, i64 poison, i64 poison, i64 poison, i64 poison, <4 x float> %22, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison) #2, !dbg 0x5d
;;                                               | ret double %23
;;   0x5f  end @0 unreached
;; head                                          | %frame = call ptr @llvm.frameaddress.p0(i32 0)
;;                                               | %14 = bitcast <4 x float> %6 to <2 x double>
;;                                               | %15 = extractelement <2 x double> %14, i32 0
;; function 3 type 4, locals i64 i32, 26 bytes at 0x61
;; stack 9, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 2 1
;; define hidden i64 @f3(ptr %0, i64 %1, i64 %2, i64 %3, i64 %4, i64 %5, <4 x float> %6, <4 x float> %7, <4 x float> %8, <4 x float> %9, <4 x float> %10, <4 x float> %11, <4 x float> %12, <4 x float> %13) #0 section ".text" prologue
;;   0x62  i64.const 1
;;   0x64  i64.const 2
;;   0x66  i64.const 3
;;   0x68  i64.const 4
;;   0x6a  i64.const 5
;;   0x6c  local.get 0 i64
;;   0x6e  local.get 0 i64
;;   0x70  f32.const 0x41000000
;;   0x75  local.get 1 i32
;;   0x77  return_call_indirect type 0 table 0   | %16 = getelementptr i8, ptr %0, i64 64
;;                                               | %17 = load ptr, ptr %16, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %18 = getelementptr i8, ptr %17, i64 8
;;                                               | %19 = load i64, ptr %18, align 8, !alias.scope !context, !noalias !memory
;;                                               | %20 = zext i32 %15 to i64
;;                                               | %21 = icmp uge i64 %20, %19
;;                                               | br i1 %21, label %t1, label %c1
;;                                               | c1:
;;                                               | %22 = load ptr, ptr %17, align 8, !alias.scope !context, !noalias !memory
;;                                               | %23 = getelementptr ptr, ptr %22, i64 %20
;;                                               | %24 = load ptr, ptr %23, align 8, !alias.scope !context, !noalias !memory
;;                                               | %25 = icmp eq ptr %24, null
;;                                               | br i1 %25, label %t2, label %c2
;;                                               | c2:
;;                                               | %26 = getelementptr i8, ptr %0, i64 72
;;                                               | %27 = load i64, ptr %26, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %28 = getelementptr i8, ptr %24, i64 16
;;                                               | %29 = load i64, ptr %28, align 8, !alias.scope !context, !noalias !memory
;;                                               | %30 = icmp ne i64 %27, %29
;;                                               | br i1 %30, label %t3, label %c3
;;                                               | c3:
;;                                               | %31 = load ptr, ptr %24, align 8, !alias.scope !context, !noalias !memory
;;                                               | %32 = getelementptr i8, ptr %24, i64 8
;;                                               | %33 = load ptr, ptr %32, align 8, !alias.scope !context, !noalias !memory
;;                                               | %34 = ptrtoint ptr %14 to i64
;;                                               | %35 = getelementptr i8, ptr %frame, i64 16
;;                                               | store volatile i64 5, ptr %35, align 8
;;                                               | %36 = getelementptr i8, ptr %frame, i64 24
;;                                               | store volatile i64 %2, ptr %36, align 8
;;                                               | %37 = getelementptr i8, ptr %frame, i64 32
;;                                               | store volatile i64 %2, ptr %37, align 8
;;                                               | %38 = insertelement <4 x float> poison, float 0x4020000000000000, i32 0
;;                                               | %39 = icmp eq ptr %0, %33
;;                                               | br i1 %39, label %own4, label %other4, !prof !likely
;;                                               | own4:
;;                                               | %40 = musttail call i64 %31(ptr %0, i64 %34, i64 1, i64 2, i64 3, i64 4, <4 x float> %38, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison) #2, !dbg 0x77
;;                                               | ret i64 %40
;;                                               | other4:
;;                                               | %41 = musttail call i64 %31(ptr %33, i64 %34, i64 1, i64 2, i64 3, i64 4, <4 x float> %38, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison) #2, !dbg 0x77
;;                                               | ret i64 %41
;;   0x7a  end @0 unreached
;; head                                          | %frame = call ptr @llvm.frameaddress.p0(i32 0)
;;                                               | %14 = inttoptr i64 %1 to ptr
;;                                               | %15 = trunc i64 %3 to i32
;; traps                                         | t1:
;;                                               | call void @trap.4() #3, !dbg 0x77
;;                                               | unreachable
;;                                               | t2:
;;                                               | call void @trap.5() #3, !dbg 0x77
;;                                               | unreachable
;;                                               | t3:
;;                                               | call void @trap.6() #3, !dbg 0x77
;;                                               | unreachable
;; function 4 type 0, locals i64 i64 i64 i64 i64 i64 i64 f32, 38 bytes at 0x7c
;; stack 8, labels 1, calls 0, call weight 0, memory accesses 0
;; local weights 2 1 1 1 1 1 2 1
;; define hidden i64 @f4(ptr %0, i64 %1, i64 %2, i64 %3, i64 %4, i64 %5, <4 x float> %6, <4 x float> %7, <4 x float> %8, <4 x float> %9, <4 x float> %10, <4 x float> %11, <4 x float> %12, <4 x float> %13) #0 section ".text"
;;   0x7d  local.get 0 i64
;;   0x7f  i64.eqz                               | %22 = icmp eq i64 %2, 0
;;   0x80  if @1                                 | br i1 %22, label %ret, label %b1
;;                                               | b1:
;;   0x82    local.get 6 i64
;;   0x84    f64.const 0x3ff0000000000000
;;   0x8d    return arity 2
;;   0x8e  end @1 target, no else                | b1:
;;   0x8f  local.get 6 i64
;;   0x91  local.get 0 i64
;;   0x93  local.get 1 i64
;;   0x95  local.get 2 i64
;;   0x97  local.get 3 i64
;;   0x99  local.get 4 i64
;;   0x9b  local.get 5 i64
;;   0x9d  local.get 7 f32
;;   0x9f  return_call 4 type 0                  | %23 = load ptr, ptr getelementptr (i8, ptr @wasm.code, i64 -208), align 8, !alias.scope !context, !noalias !memory
;;                                               | %24 = ptrtoint ptr %14 to i64
;;                                               | %25 = getelementptr i8, ptr %frame, i64 16
;;                                               | store volatile i64 %5, ptr %25, align 8
;;                                               | %26 = getelementptr i8, ptr %frame, i64 24
;;                                               | store volatile i64 %16, ptr %26, align 8
;;                                               | %27 = getelementptr i8, ptr %frame, i64 32
;;                                               | store volatile i64 %18, ptr %27, align 8
;;                                               | %28 = insertelement <4 x float> poison, float %21, i32 0
;;                                               | %29 = musttail call i64 %23(ptr %0, i64 %24, i64 %20, i64 %2, i64 %3, i64 %4, <4 x float> %28, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison, <4 x float> poison) #2, !dbg 0x9f
;;                                               | ret i64 %29
;;   0xa1  end @0 unreached
;; head                                          | %frame = call ptr @llvm.frameaddress.p0(i32 0)
;;                                               | %14 = inttoptr i64 %1 to ptr
;;                                               | %15 = getelementptr i8, ptr %frame, i64 16
;;                                               | %16 = load volatile i64, ptr %15, align 8
;;                                               | %17 = getelementptr i8, ptr %frame, i64 24
;;                                               | %18 = load volatile i64, ptr %17, align 8
;;                                               | %19 = getelementptr i8, ptr %frame, i64 32
;;                                               | %20 = load volatile i64, ptr %19, align 8
;;                                               | %21 = extractelement <4 x float> %6, i32 0
;;                                               | %fence0 = call double asm "", "=x,0"(double 0x3FF0000000000000) #5
;; return                                        | ret:
;;                                               | %30 = getelementptr i8, ptr %14, i64 0
;;                                               | store double %fence0, ptr %30, align 8
;;                                               | ret i64 %20
