// Which units of a batch are winners, a byte each: a winner's argmax index, which is that of its pixel within
// its pooling window, row by row, and NO_WINNER for any other unit.

#pragma once

#include <cstdint>
#include <cstring>

#include "processor.h"
#include "bfloat16.h"

constexpr uint8_t NO_WINNER = 255;

// Calls f with the channel of each winner among the channels of one pixel, of which there are a multiple of 8.
template <typename F>
INLINED void for_each_winner(const uint8_t* argmax, int64_t channels, F&& f) {
    constexpr uint64_t EACH_BYTE = 0x0101010101010101;
    for (int64_t c = 0; c < channels; c += 8) {
        uint64_t word;
        std::memcpy(&word, argmax + c, sizeof word);
        word ^= NO_WINNER * EACH_BYTE;
        // The highest bit of each byte that is not zero; the first byte is the lowest one.
        uint64_t winners = (((word & 0x7f * EACH_BYTE) + 0x7f * EACH_BYTE) | word) & 0x80 * EACH_BYTE;
        for (; winners; winners &= winners - 1) f(c + __builtin_ctzll(winners) / 8);
    }
}

// Writes the winners' activations to y and zeros elsewhere, and counts for how many pixels each channel is on.
template <typename Index, typename T>
INLINED void keep_winners(const float* activations, const int32_t* boosted, const Index* in_window,
                          int32_t threshold, int64_t units, int64_t channels, T* y, uint8_t* argmax,
                          int32_t* on) {
    for (int64_t at = 0; at < units; at += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            const bool wins = boosted[at + c] >= threshold;
            const float activation = activations[at + c];
            store(y[at + c], wins ? activation : activation * 0.0f);  // a NaN stays one
            argmax[at + c] = wins ? static_cast<uint8_t>(in_window[at + c]) : NO_WINNER;
            on[c] += wins && activation > 0;
        }
    }
}

// BLOCK channels of a window, whose pixels are `channels` apart: what wins at each pixel, and of that the highest.
// All is gathered in arrays of its own, which nothing else can point to, so that the loops become vectors.
template <int BLOCK, typename T>
INLINED void keep_winners_and_pool_window(const float* activations, const int32_t* boosted, int32_t threshold,
                                          int64_t pixels, int64_t channels, T* y, uint8_t* argmax, int32_t* on) {
    float highest[BLOCK] = {};
    int32_t index[BLOCK] = {}, counts[BLOCK] = {};
    for (int32_t pixel = 0; pixel < pixels; ++pixel, activations += channels, boosted += channels) {
        for (int i = 0; i < BLOCK; ++i) {
            const bool wins = boosted[i] >= threshold;
            const float value = wins ? activations[i] : activations[i] * 0.0f;
            const bool higher = pixel == 0 || value > highest[i] || value != value;
            highest[i] = higher ? value : highest[i];
            index[i] = !higher ? index[i] : wins ? pixel : NO_WINNER;
            counts[i] += wins && value > 0;
        }
    }
    for (int i = 0; i < BLOCK; ++i) store(y[i], highest[i]);
    for (int i = 0; i < BLOCK; ++i) argmax[i] = static_cast<uint8_t>(index[i]);
    for (int i = 0; i < BLOCK; ++i) on[i] += counts[i];
}

// The same, and then the highest of each pooling window: a NaN, or else the first of equals. The memory is
// (windows, pixels of a window, channels). A window in which a zero is the highest has no winner.
template <typename T>
INLINED void keep_winners_and_pool(const float* activations, const int32_t* boosted, int32_t threshold,
                                   int64_t windows, int64_t pixels, int64_t channels, T* y, uint8_t* argmax,
                                   int32_t* on) {
    constexpr int64_t BLOCK = 32;
    for (int64_t window = 0; window < windows; ++window, y += channels, argmax += channels) {
        int64_t c = 0;
        for (; c + BLOCK <= channels; c += BLOCK) {
            keep_winners_and_pool_window<BLOCK>(activations + c, boosted + c, threshold, pixels, channels, y + c,
                                                argmax + c, on + c);
        }
        for (; c < channels; ++c) {
            keep_winners_and_pool_window<1>(activations + c, boosted + c, threshold, pixels, channels, y + c,
                                            argmax + c, on + c);
        }
        activations += pixels * channels;
        boosted += pixels * channels;
    }
}
