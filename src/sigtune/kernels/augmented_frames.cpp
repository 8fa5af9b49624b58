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
    int64_t lead;  // the samples before the clip that the first frame begins with
    bool reflect;  // the clip at its ends into them, which are zeros otherwise

    int64_t length() const { return (frames - 1) * hop + size; }
};

struct Noise {
    const int16_t* samples;  // null for none
    float amplitude_ratio;
};

// Write the clip, read `speed` times as fast and interpolated linearly, from its shift on.
INLINED void read_faster_here(const int16_t* clip, int64_t shift, float gain, float speed, int64_t samples,
                              float* target) {
    const int64_t end = std::min(samples, samples + shift);
    for (int64_t t = std::max<int64_t>(0, shift); t < end; ++t) {
        const float position = static_cast<float>(t - shift) * speed;
        const int64_t before = static_cast<int64_t>(position);
        if (before >= samples) break;
        const int64_t after = std::min(before + 1, samples - 1);
        const float share = position - static_cast<float>(before);
        target[t] = gain * (clip[before] + share * (clip[after] - clip[before]));
    }
}

FOR_EACH_PROCESSOR(void, read_faster, read_faster_here, 16,
                   (const int16_t* clip, int64_t shift, float gain, float speed, int64_t samples,
                    float* target),
                   (clip, shift, gain, speed, samples, target))

INLINED void read_here(const int16_t* clip, int64_t shift, float gain, int64_t samples, float* target) {
    const int64_t end = std::min(samples, samples + shift);
    for (int64_t t = std::max<int64_t>(0, shift); t < end; ++t) target[t] = gain * clip[t - shift];
}

FOR_EACH_PROCESSOR(void, read, read_here, 16,
                   (const int16_t* clip, int64_t shift, float gain, int64_t samples, float* target),
                   (clip, shift, gain, samples, target))

INLINED void add_here(const Noise& noise, int64_t samples, float* target) {
    double clip_energy = 0, noise_energy = 0;
#pragma omp simd reduction(+ : clip_energy, noise_energy)
    for (int64_t t = 0; t < samples; ++t) {
        const double clip = target[t], heard = noise.samples[t];
        clip_energy += clip * clip;
        noise_energy += heard * heard;
    }
    // Where the noise itself is digital silence, there is nothing to scale.
    const double noise_norm = std::max(UNIT * std::sqrt(noise_energy), 1e-6);
    const float gain = static_cast<float>(noise.amplitude_ratio * std::sqrt(clip_energy) / noise_norm);
    for (int64_t t = 0; t < samples; ++t) target[t] += gain * UNIT * noise.samples[t];
}

FOR_EACH_PROCESSOR(void, add, add_here, 16,
                   (const Noise& noise, int64_t samples, float* target),
                   (noise, samples, target))

// A clip with what is before and after it is in `padded`.
void augment(const int16_t* clip, int64_t shift, float amplitude, float speed, const Noise& noise,
             const Framing& framing, float* padded) {
    std::fill(padded, padded + framing.length(), 0.0f);
    float* const target = padded + framing.lead;
    const float gain = amplitude * UNIT;
    if (speed == 1.0f) {
        read(clip, shift, gain, framing.samples, target);
    } else {
        read_faster(clip, shift, gain, speed, framing.samples, target);
    }
    if (noise.samples != nullptr) add(noise, framing.samples, target);
    if (!framing.reflect) return;
    float* const last = target + framing.samples - 1;
    for (int64_t i = 1; i <= framing.lead; ++i) target[-i] = target[i];
    for (int64_t i = 1; last + i < padded + framing.length(); ++i) last[i] = last[-i];
}

INLINED void cut_here(const float* padded, const Framing& framing, const float* window, float* frames) {
    for (int64_t frame = 0; frame < framing.frames; ++frame) {
        const float* const source = padded + frame * framing.hop;
        float* const target = frames + frame * framing.size;
        for (int64_t i = 0; i < framing.size; ++i) target[i] = source[i] * window[i];
    }
}

FOR_EACH_PROCESSOR(void, cut, cut_here, 16,
                   (const float* padded, const Framing& framing, const float* window, float* frames),
                   (padded, framing, window, frames))

}  // namespace

// The frames, (clips, frames, size), of int16 clips, (clips, samples), each with its shift, its amplitude and
// speed (1 where those are null) and the start of its noise; without noise where that is null.
extern "C" void augmented_frames(const int16_t* clips, const int64_t* shifts, const float* amplitudes,
                                 const float* speeds, const int16_t* noise, const int64_t* offsets,
                                 float amplitude_ratio, const float* window, int64_t count, int64_t samples,
                                 int64_t frames, int64_t hop, int64_t size, int64_t lead, int reflect, int threads,
                                 float* result) {
    const Framing framing{samples, frames, hop, size, lead, reflect != 0};
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> padded(framing.length());
#pragma omp for
        for (int64_t i = 0; i < count; ++i) {
            augment(clips + i * samples, shifts[i], amplitudes == nullptr ? 1.0f : amplitudes[i],
                    speeds == nullptr ? 1.0f : speeds[i],
                    {noise == nullptr ? nullptr : noise + offsets[i], amplitude_ratio}, framing, padded.data());
            cut(padded.data(), framing, window, result + i * frames * size);
        }
    }
}
