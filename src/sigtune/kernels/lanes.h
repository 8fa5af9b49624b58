// Arithmetic on as many floats at once as a register of the processor holds.

#pragma once

#include <cstdint>
#include <cstring>

#include "processor.h"

template <int LANES>
struct Lanes {
    typedef float Floats __attribute__((vector_size(LANES * sizeof(float))));
    typedef int32_t Integers __attribute__((vector_size(LANES * sizeof(float))));
    // The same anywhere in an array.
    typedef float FloatsAt __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
    typedef int32_t IntegersAt __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

    INLINED static Floats load(const float* at) { return *reinterpret_cast<const FloatsAt*>(at); }
    INLINED static void store(float* at, Floats value) { *reinterpret_cast<FloatsAt*>(at) = value; }
    INLINED static void store(int32_t* at, Integers value) { *reinterpret_cast<IntegersAt*>(at) = value; }

    INLINED static float sum(Floats values) {
        if constexpr (LANES == 4) {
            float parts[4];
            store(parts, values);
            return (parts[0] + parts[2]) + (parts[1] + parts[3]);
        } else {
            typename Lanes<LANES / 2>::Floats halves[2];
            std::memcpy(halves, &values, sizeof values);
            return Lanes<LANES / 2>::sum(halves[0] + halves[1]);
        }
    }
};

// Loops that a kernel's registers stand for are unrolled, so that they do stay in registers.
#define UNROLLED _Pragma("GCC unroll 16")
