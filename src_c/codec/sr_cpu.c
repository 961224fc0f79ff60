/* The only file that asks which features the CPU has. */
#include "sr_cpu.h"

#include "sr.h"

uint32_t sr_cpu(void) {
    uint32_t cpu = 0;
#if defined(SR_X86)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse2")) cpu |= SR_CPU_SSE2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
        __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul"))
        cpu |= SR_CPU_AVX2;
    if ((cpu & SR_CPU_AVX2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
        __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("aes"))
        cpu |= SR_CPU_AVX512_VBMI2;
#elif defined(SR_NEON)
    cpu |= SR_CPU_NEON;
#endif
    return cpu;
}
