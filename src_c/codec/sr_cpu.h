/* The CPU and compiler features that a kernel may need. */
#ifndef SR_CPU_H
#define SR_CPU_H

#if (defined(__x86_64__)) && (defined(__GNUC__) || defined(__clang__)) && !defined(SR_NO_SIMD)
#define SR_X86 1
#define SR_TARGET(features) __attribute__((target(features)))
#elif defined(__aarch64__) && defined(__ARM_NEON) && !defined(SR_NO_SIMD)
#define SR_NEON 1
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SR_NO_INLINE __attribute__((noinline))
#define SR_ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define SR_NO_INLINE
#define SR_ALWAYS_INLINE inline
#endif

enum {
    SR_CPU_SSE2 = 1,
    SR_CPU_AVX2 = 2,         /* with BMI, BMI2, POPCNT and PCLMUL */
    SR_CPU_AVX512_VBMI2 = 4, /* with F, BW, VL, VBMI, AES and all of AVX2's */
    SR_CPU_NEON = 8,
};

#endif
