(; The same for a processor without AVX. ;)
;;! old processor
(module
  (func (param $a f64) (param $b f64) (result f64)
    (f64.div (f64.mul (local.get $a) (local.get $b)) (f64.const 0.5)))
  (func (param $a f32) (param $b f32) (result i32)
    (f32.lt (local.get $a) (local.get $b)))
  (func (param $a f64) (param $b f64) (result f64)
    (f64.min (local.get $a) (local.get $b)))
  (func (param $a f64) (result i32)
    (i32.trunc_f64_s (local.get $a))))

;; function 0 type 0, locals f64 f64, 17 bytes at 0x27
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;;   0x28  local.get 0 f64
;;   0x2a  local.get 1 f64
;;   0x2c  f64.mul
;;   0x2d  f64.const 0x3fe0000000000000
;;   0x36  f64.div
;;   0x37  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     movaps xmm13, xmm0
;;     movaps xmm12, xmm1
;;     movaps xmm0, xmm13
;;     mulsd xmm0, xmm12
;;     divsd xmm0, [constant 0x0]
;;   L0:
;;     leave
;;     ret
;; function 1 type 1, locals f32 f32, 7 bytes at 0x39
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;;   0x3a  local.get 0 f32
;;   0x3c  local.get 1 f32
;;   0x3e  f32.lt
;;   0x3f  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     movaps xmm13, xmm0
;;     movaps xmm12, xmm1
;;     ucomiss xmm12, xmm13
;;     seta al
;;     movzx eax, al
;;   L0:
;;     leave
;;     ret
;; function 2 type 0, locals f64 f64, 7 bytes at 0x41
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;;   0x42  local.get 0 f64
;;   0x44  local.get 1 f64
;;   0x46  f64.min
;;   0x47  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     movaps xmm13, xmm0
;;     movaps xmm12, xmm1
;;     movaps xmm0, xmm13
;;     ucomisd xmm0, xmm12
;;     jne L1
;;     jp L2
;;     orps xmm0, xmm12
;;     jmp L3
;;   L2:
;;     addsd xmm0, xmm12
;;     jmp L3
;;   L1:
;;     minsd xmm0, xmm12
;;   L3:
;;   L0:
;;     leave
;;     ret
;; function 3 type 2, locals f64, 5 bytes at 0x49
;; stack 1, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;;   0x4a  local.get 0 f64
;;   0x4c  i32.trunc_f64_s
;;   0x4d  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     movaps xmm13, xmm0
;;     cvttsd2si eax, xmm13
;;     cmp eax, 1
;;     jno L1
;;     ucomisd xmm13, xmm13
;;     jp L2
;;     movsd xmm14, [constant 0x0]
;;     ucomisd xmm13, xmm14
;;     jbe L3
;;     xorps xmm14, xmm14
;;     ucomisd xmm13, xmm14
;;     jae L3
;;   L1:
;;   L0:
;;     leave
;;     ret
;;   L2:
;;     hlt                                     ; trap INVALID_CONVERSION_TO_INTEGER at 0x4c
;;   L3:
;;     hlt                                     ; trap INTEGER_OVERFLOW at 0x4c
