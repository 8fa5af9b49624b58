// Floats and bfloat16s in memory.

#pragma once

#include <cstdint>
#include <cstring>

#include "processor.h"

struct Bfloat16 {
    uint16_t bits;
};

INLINED float load(float value) { return value; }

INLINED float load(Bfloat16 value) {
    const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
    float result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
}

INLINED void store(float& target, float value) { target = value; }

INLINED void store(Bfloat16& target, float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;  // to the nearest, ties to even
    target.bits = static_cast<uint16_t>(value != value ? 0x7fc0 : rounded);
}
