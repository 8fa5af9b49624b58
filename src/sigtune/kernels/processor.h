// Which of a kernel's copies runs on this processor.

#pragma once

#define INLINED inline __attribute__((always_inline))

// FOR_EACH_PROCESSOR(result, f, kernel, widest, (parameters), (arguments)) defines f as one of three copies of an
// INLINED kernel, compiled for registers of 16 floats (AVX-512), of 8 (AVX2) or of 4 (any): the widest that the
// processor has, up to the `widest` that was seen to pay (benchmarks/sparse_layers_speed.py measures all).
// FOR_EACH_WIDTH does so for a kernel<LANES>.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__)

#include <algorithm>
#include <cstdlib>

inline int lanes_of_processor() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("x86-64-v4") ? 16 : __builtin_cpu_supports("x86-64-v3") ? 8 : 4;
}

// SIGTUNE_LANES forces a width, for measuring; library.py refuses one that the processor has not.
template <typename Function>
Function* chosen(int widest, Function* in_16, Function* in_8, Function* in_4) {
    const char* const forced = std::getenv("SIGTUNE_LANES");
    const int lanes = std::min(lanes_of_processor(), forced ? std::atoi(forced) : widest);
    return lanes >= 16 ? in_16 : lanes >= 8 ? in_8 : in_4;
}

#define COMPILED_THRICE(result, name, widest, call_in_16, call_in_8, call_in_4, parameters)              \
    __attribute__((target("arch=x86-64-v4"))) result name##_in_16 parameters { return call_in_16; }    \
    __attribute__((target("arch=x86-64-v3"))) result name##_in_8 parameters { return call_in_8; }      \
    result name##_in_4 parameters { return call_in_4; }                                                 \
    result(*const name) parameters = chosen(widest, name##_in_16, name##_in_8, name##_in_4);
#else
inline int lanes_of_processor() { return 4; }

#define COMPILED_THRICE(result, name, widest, call_in_16, call_in_8, call_in_4, parameters) \
    result name parameters { return call_in_4; }
#endif

#define FOR_EACH_PROCESSOR(result, name, kernel, widest, parameters, arguments) \
    COMPILED_THRICE(result, name, widest, kernel arguments, kernel arguments, kernel arguments, parameters)
#define FOR_EACH_WIDTH(name, kernel, widest, parameters, arguments)                                         \
    COMPILED_THRICE(void, name, widest, kernel<16> arguments, kernel<8> arguments, kernel<4> arguments, \
                    parameters)
