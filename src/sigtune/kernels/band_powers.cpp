// The power of a spectrum in bands of frequencies, without the zeros of the bands' filters.
// `band_powers.py` says what is computed, and loads the compiled form of this file.

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

// One clip: the spectrum is (frames, bins) pairs of real and imaginary part, the result (bands, frames).
FOR_EACH_PROCESSOR void add_up_clip(const float* spectrum, int64_t frames, int64_t bins,
                                    const std::vector<Band>& bands, float* power, float* result) {
    for (int64_t frame = 0; frame < frames; ++frame, spectrum += 2 * bins) {
        for (int64_t bin = 0; bin < bins; ++bin) {
            const float real = spectrum[2 * bin], imaginary = spectrum[2 * bin + 1];
            power[bin] = real * real + imaginary * imaginary;
        }
        for (std::size_t band = 0; band < bands.size(); ++band) {
            const float* const weights = bands[band].weights;
            float sum = 0;
#pragma omp simd reduction(+ : sum)
            for (int64_t bin = bands[band].begin; bin < bands[band].end; ++bin)
                sum += weights[bin] * power[bin];
            result[static_cast<int64_t>(band) * frames + frame] = sum;
        }
    }
}

}  // namespace

extern "C" void band_powers(const float* spectra, int64_t clips, int64_t frames, int64_t bins,
                            const float* filters, int64_t count, int threads, float* result) {
    const std::vector<Band> bands = bands_of(filters, count, bins);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> power(bins);
#pragma omp for
        for (int64_t i = 0; i < clips; ++i) {
            add_up_clip(spectra + 2 * i * frames * bins, frames, bins, bands, power.data(),
                        result + i * count * frames);
        }
    }
}
