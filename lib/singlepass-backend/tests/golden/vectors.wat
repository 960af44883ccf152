(; One instruction where there is one, recipes elsewhere. ;)
(module (memory 1)
  (func (param $p i32) (param $v v128) (result v128)
    (f32x4.add (v128.load (local.get $p)) (local.get $v)))
  (func (param $v v128) (param $n i32) (result v128)
    (i8x16.shl (local.get $v) (local.get $n)))
  (func (param $v v128) (result i32)
    (i16x8.all_true (i16x8.eq (local.get $v) (v128.const i16x8 0 1 2 3 4 5 6 7)))))

;; function 0 type 0, locals i32 v128, 13 bytes at 0x2b
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1 1
;;   0x2c  local.get 0 i32
;;   0x2e  v128.load align=16
;;   0x32  local.get 1 v128
;;   0x34  f32x4.add
;;   0x37  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     movaps xmm13, xmm0
;;     mov r11, [rdi + 8]
;;     movups xmm0, [r11 + r10]                ; trap MEMORY_OUT_OF_BOUNDS at 0x2e
;;     vaddps xmm0, xmm0, xmm13
;;   L0:
;;     leave
;;     ret
;; function 1 type 1, locals v128 i32, 8 bytes at 0x39
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;;   0x3a  local.get 0 v128
;;   0x3c  local.get 1 i32
;;   0x3e  i8x16.shl
;;   0x40  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     movaps xmm13, xmm0
;;     mov ecx, r10d
;;     and ecx, 7
;;     movd xmm15, ecx
;;     movaps xmm0, xmm13
;;     pcmpeqw xmm14, xmm14
;;     psrlw xmm14, 8
;;     psllw xmm14, xmm15
;;     pxor xmm1, xmm1
;;     pshufb xmm14, xmm1
;;     psllw xmm0, xmm15
;;     pand xmm0, xmm14
;;   L0:
;;     leave
;;     ret
;; function 2 type 2, locals v128, 27 bytes at 0x42
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;;   0x43  local.get 0 v128
;;   0x45  v128.const 0x00070006000500040003000200010000
;;   0x57  i16x8.eq
;;   0x59  i16x8.all_true
;;   0x5c  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     movaps xmm13, xmm0
;;     vpcmpeqw xmm0, xmm13, [constant 0x0]
;;     pxor xmm15, xmm15
;;     pcmpeqw xmm15, xmm0
;;     ptest xmm15, xmm15
;;     sete al
;;     movzx eax, al
;;   L0:
;;     leave
;;     ret
