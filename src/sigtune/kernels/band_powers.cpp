// The power of a spectrum in bands of frequencies, without the zeros of the bands' filters.
// `band_powers.py` says what is computed, and loads the compiled form of this file.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "processor.h"

namespace {

struct Band {
    const float* weights;
    int64_t begin, end;  // of the bins that have a weight
};

std::vector<Band> bands_of(const float* filters, int64_t count, int64_t bins) {
    std::vector<Band> bands;
    for (int64_t band = 0; band < count; ++band, filters += bins) {
        int64_t begin = 0, end = bins;
        while (begin < end && filters[begin] == 0) ++begin;
        while (end > begin && filters[end - 1] == 0) --end;
        bands.push_back({filters, begin, end});
    }
    return bands;
}

// The sums of `power`, (bins), weighted by each band, are column `frame` of `result`, (bands, frames).
INLINED void add_up(const float* power, const std::vector<Band>& bands, int64_t frame, int64_t frames, float* result) {
    for (std::size_t band = 0; band < bands.size(); ++band) {
        const float* const weights = bands[band].weights;
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t bin = bands[band].begin; bin < bands[band].end; ++bin) sum += weights[bin] * power[bin];
        result[static_cast<int64_t>(band) * frames + frame] = sum;
    }
}

// One clip: the spectrum is (frames, bins) pairs of real and imaginary part, the result (bands, frames).
INLINED void add_up_clip_here(const float* spectrum, int64_t frames, int64_t bins,
                              const std::vector<Band>& bands, float* power, float* result) {
    for (int64_t frame = 0; frame < frames; ++frame, spectrum += 2 * bins) {
        for (int64_t bin = 0; bin < bins; ++bin) {
            const float real = spectrum[2 * bin], imaginary = spectrum[2 * bin + 1];
            power[bin] = real * real + imaginary * imaginary;
        }
        add_up(power, bands, frame, frames, result);
    }
}

// The same of magnitudes read `rate` times as fast, interpolated linearly between frames; zeros follow the last.
INLINED void add_up_stretched_clip_here(const float* spectrum, int64_t frames, int64_t bins, float rate,
                                        const std::vector<Band>& bands, float* magnitudes, float* power,
                                        float* result) {
    for (int64_t i = 0; i < frames * bins; ++i) {
        const float real = spectrum[2 * i], imaginary = spectrum[2 * i + 1];
        magnitudes[i] = std::sqrt(real * real + imaginary * imaginary);
    }
    std::fill(magnitudes + frames * bins, magnitudes + (frames + 1) * bins, 0.0f);
    for (int64_t frame = 0; frame < frames; ++frame) {
        const float position = static_cast<float>(frame) * rate;
        const int64_t before = std::min(static_cast<int64_t>(position), frames);
        const float share = position - static_cast<float>(before);
        const float* const one = magnitudes + before * bins;
        const float* const other = before < frames ? one + bins : one;
        for (int64_t bin = 0; bin < bins; ++bin) {
            const float magnitude = one[bin] + share * (other[bin] - one[bin]);
            power[bin] = magnitude * magnitude;
        }
        add_up(power, bands, frame, frames, result);
    }
}

FOR_EACH_PROCESSOR(void, add_up_stretched_clip, add_up_stretched_clip_here, 16,
                   (const float* spectrum, int64_t frames, int64_t bins, float rate,
                    const std::vector<Band>& bands, float* magnitudes, float* power, float* result),
                   (spectrum, frames, bins, rate, bands, magnitudes, power, result))

FOR_EACH_PROCESSOR(void, add_up_clip, add_up_clip_here, 16,
                   (const float* spectrum, int64_t frames, int64_t bins, const std::vector<Band>& bands,
                    float* power, float* result),
                   (spectrum, frames, bins, bands, power, result))

}  // namespace

// `rates`, one for each clip, may be null: then all are 1.
extern "C" void band_powers(const float* spectra, const float* rates, int64_t clips, int64_t frames, int64_t bins,
                            const float* filters, int64_t count, int threads, float* result) {
    const std::vector<Band> bands = bands_of(filters, count, bins);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> power(bins), magnitudes(rates == nullptr ? 0 : (frames + 1) * bins);
#pragma omp for
        for (int64_t i = 0; i < clips; ++i) {
            const float* const spectrum = spectra + 2 * i * frames * bins;
            float* const powers = result + i * count * frames;
            if (rates == nullptr || rates[i] == 1.0f) {
                add_up_clip(spectrum, frames, bins, bands, power.data(), powers);
            } else {
                add_up_stretched_clip(spectrum, frames, bins, rates[i], bands, magnitudes.data(), power.data(),
                                      powers);
            }
        }
    }
}
