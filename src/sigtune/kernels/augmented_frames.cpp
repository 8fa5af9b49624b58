// Shifted clips with noise added, cut into windowed frames, in one pass over a clip that stays in the cache.
// `augmented_frames.py` says what is computed, and loads the compiled form of this file.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "processor.h"

namespace {

constexpr float UNIT = 1.0f / 32768.0f;  // of 16-bit samples, for the range [-1, 1)

struct Framing {
    int64_t samples, frames, hop, size;

    int64_t overlap() const { return size - hop; }
};

// A clip with zeros before and after it is in `padded`.
FOR_EACH_PROCESSOR void augment(const int16_t* clip, int64_t shift, const int16_t* noise, float amplitude_ratio,
                                const Framing& framing, float* padded) {
    std::fill(padded, padded + framing.samples + framing.overlap(), 0.0f);
    float* const target = padded + framing.overlap() / 2;
    float clip_energy = 0;
    const int64_t end = std::min(framing.samples, framing.samples + shift);
#pragma omp simd reduction(+ : clip_energy)
    for (int64_t t = std::max<int64_t>(0, shift); t < end; ++t) {
        const float value = UNIT * clip[t - shift];
        target[t] = value;
        clip_energy += value * value;
    }
    if (noise == nullptr) return;
    float noise_energy = 0;
#pragma omp simd reduction(+ : noise_energy)
    for (int64_t t = 0; t < framing.samples; ++t) {
        const float value = UNIT * noise[t];
        noise_energy += value * value;
    }
    // Where the noise itself is digital silence, there is nothing to scale.
    const float gain = amplitude_ratio * std::sqrt(clip_energy) / std::max(std::sqrt(noise_energy), 1e-6f);
    for (int64_t t = 0; t < framing.samples; ++t) target[t] += gain * UNIT * noise[t];
}

FOR_EACH_PROCESSOR void cut(const float* padded, const Framing& framing, const float* window, float* frames) {
    for (int64_t frame = 0; frame < framing.frames; ++frame) {
        const float* const source = padded + frame * framing.hop;
        float* const target = frames + frame * framing.size;
        for (int64_t i = 0; i < framing.size; ++i) target[i] = source[i] * window[i];
    }
}

}  // namespace

// The frames, (clips, frames, size), of int16 clips, (clips, samples), each with its shift and the start of its
// noise; without noise where that is null.
extern "C" void augmented_frames(const int16_t* clips, const int64_t* shifts, const int16_t* noise,
                                 const int64_t* offsets, float amplitude_ratio, const float* window,
                                 int64_t count, int64_t samples, int64_t frames, int64_t hop, int64_t size,
                                 int threads, float* result) {
    const Framing framing{samples, frames, hop, size};
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> padded(samples + framing.overlap());
#pragma omp for
        for (int64_t i = 0; i < count; ++i) {
            augment(clips + i * samples, shifts[i], noise == nullptr ? nullptr : noise + offsets[i],
                    amplitude_ratio, framing, padded.data());
            cut(padded.data(), framing, window, result + i * frames * size);
        }
    }
}
