// The k-th highest of many floats.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "processor.h"

// An integer for each float, in the floats' order: −0 is 0, and a NaN is the highest of all.
INLINED int32_t order_of(float value) {
    int32_t bits;
    value += 0.0f;
    std::memcpy(&bits, &value, sizeof bits);
    const int32_t order = bits ^ ((bits >> 31) & 0x7fffffff);
    return value == value ? order : INT32_MAX;
}

INLINED float float_of(int32_t order) {
    const int32_t bits = order ^ ((order >> 31) & 0x7fffffff);
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

INLINED int64_t count_reaching(const int16_t* values, int64_t count, int16_t least) {
    constexpr int64_t AT_ONCE = 1 << 15;  // as many as an uint16_t counts: four times the lanes of an int64_t
    int64_t found = 0;
    for (int64_t start = 0; start < count; start += AT_ONCE) {
        const int64_t end = std::min(count, start + AT_ONCE);
        uint16_t here = 0;
        for (int64_t i = start; i < end; ++i) here = static_cast<uint16_t>(here + (values[i] >= least));
        found += here;
    }
    return found;
}

// The highest 16-bit number that k of the values reach. Halving the range takes up to 16 passes over the
// values, but they are in the cache and no pass branches.
INLINED int16_t highest_reached(const int16_t* values, int64_t count, int64_t k) {
    int32_t reached = INT16_MIN, missed = INT16_MAX + 1;
    while (missed - reached > 1) {
        const int32_t middle = (reached + missed) >> 1;
        (count_reaching(values, count, static_cast<int16_t>(middle)) >= k ? reached : missed) = middle;
    }
    return static_cast<int16_t>(reached);
}

// The k-th highest of the orders. The upper halves of their bits are searched first, and then the lower ones of
// those whose upper halves equal the k-th highest's; `halves` is room for `count` of either.
INLINED int32_t kth_highest_order(const int32_t* orders, int64_t count, int64_t k, int16_t* halves) {
    for (int64_t i = 0; i < count; ++i) halves[i] = static_cast<int16_t>(orders[i] >> 16);
    const int16_t upper = highest_reached(halves, count, k);
    const int64_t above =
        upper == INT16_MAX ? 0 : count_reaching(halves, count, static_cast<int16_t>(upper + 1));
    constexpr int64_t AT_ONCE = 64;
    int64_t equal = 0;
    for (int64_t start = 0; start < count; start += AT_ONCE) {
        const int64_t end = std::min(count, start + AT_ONCE);
        int32_t any = 0;
        for (int64_t i = start; i < end; ++i) any |= (orders[i] >> 16) == upper;
        if (!any) continue;
        for (int64_t i = start; i < end; ++i) {
            halves[equal] = static_cast<int16_t>((orders[i] & 0xffff) ^ 0x8000);  // unsigned, in signed order
            equal += (orders[i] >> 16) == upper;
        }
    }
    const int16_t lower = highest_reached(halves, equal, k - above);
    return static_cast<int32_t>((static_cast<uint32_t>(upper) << 16) | (static_cast<uint16_t>(lower) ^ 0x8000));
}
