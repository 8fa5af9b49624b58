// Convolution of images, batch norm, 2×2 max pooling and k-winners, without the convolution's output ever being
// in memory. `image_winners.py` says what is computed.
//
// Memory: images (images, in channels, height, width); weights (in channels, kernel, kernel, channels), so that
// a register holds neighbouring output channels; winners (images, pooled height, pooled width, channels).

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "lanes.h"
#include "threshold.h"
#include "winners.h"

namespace {

constexpr int64_t WINDOW = 2;
constexpr int64_t PADDING = 16;  // floats after each row of an image, for registers that begin in it

struct Shape {
    int64_t inputs, height, width, kernel, channels;

    int64_t taps() const { return inputs * kernel * kernel; }
    int64_t rows() const { return height - kernel + 1; }
    int64_t columns() const { return width - kernel + 1; }
    int64_t pooled_rows() const { return rows() / WINDOW; }
    int64_t pooled_columns() const { return columns() / WINDOW; }
    int64_t pooled() const { return pooled_rows() * pooled_columns(); }
    int64_t units() const { return pooled() * channels; }
    int64_t pixels() const { return inputs * height * width; }
    int64_t stride() const { return width + PADDING; }
    // The taps of a row of the kernel, filled up to what a register holds.
    static constexpr int64_t KERNEL_ROW = 8;
    int64_t padded_taps() const { return inputs * kernel * KERNEL_ROW; }
};

struct Activation {
    const float *shift, *scale, *boost;  // of each channel: what is added, then multiplied, then boosted by
};

// Room for one image after the other.
struct Scratch {
    std::vector<float> activations;
    std::vector<int32_t> boosted, argmax;
    std::vector<int16_t> halves;

    explicit Scratch(int64_t units) : activations(units), boosted(units), argmax(units), halves(units) {}
};

// Normalises and boosts the sums of a pixel in LANES channels.
template <int LANES>
INLINED void activate(typename Lanes<LANES>::Floats sum, const Activation& of, float* activations,
                      int32_t* boosted) {
    using L = Lanes<LANES>;
    const typename L::Floats activation = (sum + L::load(of.shift)) * L::load(of.scale);
    L::store(activations, activation);
    const typename L::Floats value = activation * L::load(of.boost) + 0.0f;
    const auto bits = (typename L::Integers)value;
    const typename L::Integers order = bits ^ ((bits >> 31) & 0x7fffffff);
    L::store(boosted, value == value ? order : INT32_MAX);
}

// One pooled pixel in 2·LANES channels: the convolution at its four pixels; of these all, one after the other,
// where winners are chosen BEFORE_POOL, or else the highest and its index.
template <int LANES, int KERNEL, bool BEFORE_POOL>
INLINED void convolve_window(const float* corner, const Shape& shape, const float* weights, const Activation& of,
                        float* activations, int32_t* boosted, int32_t* argmax) {
    const int64_t kernel = KERNEL ? KERNEL : shape.kernel;
    using L = Lanes<LANES>;
    constexpr int PIXELS = WINDOW * WINDOW, REGISTERS = 2;
    typename L::Floats sums[PIXELS][REGISTERS] = {};
    for (int64_t input = 0; input < shape.inputs; ++input, corner += shape.height * shape.width) {
        for (int64_t tap_row = 0; tap_row < kernel; ++tap_row) {
            const float* const top = corner + tap_row * shape.width;
            const float* const bottom = top + shape.width;
            UNROLLED
            for (int64_t tap = 0; tap < kernel; ++tap, weights += shape.channels) {
                const float pixels[PIXELS] = {top[tap], top[tap + 1], bottom[tap], bottom[tap + 1]};
                UNROLLED
                for (int r = 0; r < REGISTERS; ++r) {
                    const typename L::Floats weight = L::load(weights + r * LANES);
                    UNROLLED
                    for (int p = 0; p < PIXELS; ++p) sums[p][r] += weight * pixels[p];
                }
            }
        }
    }
    UNROLLED
    for (int r = 0; r < REGISTERS; ++r) {
        const Activation here{of.shift + r * LANES, of.scale + r * LANES, of.boost + r * LANES};
        if constexpr (BEFORE_POOL) {
            UNROLLED
            for (int p = 0; p < PIXELS; ++p) {
                const int64_t at = p * shape.channels + r * LANES;
                activate<LANES>(sums[p][r], here, activations + at, boosted + at);
            }
            continue;
        }
        // A NaN is the highest. Which pixel was one is kept apart: GCC 12 takes a choice by two comparisons at once
        // (a > b or a is a NaN) apart into single floats in sixteen lanes, five times as slow as all the rest.
        typename L::Floats highest = sums[0][r];
        typename L::Integers index = {}, nan_index = typename L::Integers{} - 1;
        UNROLLED
        for (int p = 1; p < PIXELS; ++p) {
            const typename L::Floats sum = sums[p][r];
            index = sum > highest ? p : index;
            highest = sum > highest ? sum : highest;
            nan_index = sum != sum ? p : nan_index;
        }
        index = nan_index > 0 ? nan_index : index;
        highest = nan_index > 0 ? std::numeric_limits<float>::quiet_NaN() : highest;
        // Normalising is the same for all pixels of a channel and keeps their order.
        activate<LANES>(highest, here, activations + r * LANES, boosted + r * LANES);
        L::store(argmax + r * LANES, index);
    }
}

template <int LANES, int KERNEL, bool BEFORE_POOL>
INLINED void convolve_windows(const float* image, const Shape& shape, const float* weights, const Activation& of,
                         Scratch& scratch) {
    constexpr int64_t KEPT = BEFORE_POOL ? WINDOW * WINDOW : 1;  // pixels of a window
    int64_t window = 0;
    for (int64_t row = 0; row < shape.pooled_rows(); ++row) {
        for (int64_t column = 0; column < shape.pooled_columns(); ++column, ++window) {
            const float* const corner = image + (row * shape.width + column) * WINDOW;
            for (int64_t c = 0; c < shape.channels; c += 2 * LANES) {
                const int64_t at = window * KEPT * shape.channels + c;
                convolve_window<LANES, KERNEL, BEFORE_POOL>(
                    corner, shape, weights + c, {of.shift + c, of.scale + c, of.boost + c},
                    scratch.activations.data() + at, scratch.boosted.data() + at, scratch.argmax.data() + at);
            }
        }
    }
}

template <int LANES, bool BEFORE_POOL>
INLINED void convolve(const float* image, const Shape& shape, const float* weights, const Activation& of,
                      Scratch& scratch) {
    // A width that the compiler knows of makes the most common one faster.
    if (shape.kernel == 5) {
        convolve_windows<LANES, 5, BEFORE_POOL>(image, shape, weights, of, scratch);
    } else {
        convolve_windows<LANES, 0, BEFORE_POOL>(image, shape, weights, of, scratch);
    }
}

template <int LANES>
INLINED void activate_image(const float* image, bool before_pool, const Shape& shape, const float* weights,
                            const Activation& of, Scratch& scratch) {
    if (before_pool) {
        convolve<LANES, true>(image, shape, weights, of, scratch);
    } else {
        convolve<LANES, false>(image, shape, weights, of, scratch);
    }
}

FOR_EACH_WIDTH(activate_of_image, activate_image, 16,
               (const float* image, bool before_pool, const Shape& shape, const float* weights,
                const Activation& of, Scratch& scratch),
               (image, before_pool, shape, weights, of, scratch))

INLINED void winners_of_image_here(const Shape& shape, bool before_pool, int64_t k, float* y, uint8_t* argmax,
                                   int32_t* on, Scratch& scratch) {
    const int32_t* const boosted = scratch.boosted.data();
    if (before_pool) {
        constexpr int64_t PIXELS = WINDOW * WINDOW;
        const int32_t threshold =
            kth_highest_order(boosted, PIXELS * shape.units(), k, scratch.halves.data());
        keep_winners_and_pool(scratch.activations.data(), boosted, threshold, shape.pooled(), PIXELS,
                              shape.channels, y, argmax, on);
        return;
    }
    const int32_t threshold = kth_highest_order(boosted, shape.units(), k, scratch.halves.data());
    keep_winners(scratch.activations.data(), boosted, scratch.argmax.data(), threshold, shape.units(),
                 shape.channels, y, argmax, on);
}

FOR_EACH_PROCESSOR(void, winners_of_image, winners_of_image_here, 16,
                   (const Shape& shape, bool before_pool, int64_t k, float* y, uint8_t* argmax, int32_t* on,
                    Scratch& scratch),
                   (shape, before_pool, k, y, argmax, on, scratch))

// The image once for each column of the kernel, so that column t begins at its tap t, and with zeros after the
// convolution's last column: (kernel, inputs, height, stride).
void spread_columns(const float* image, const Shape& shape, float* spread) {
    for (int64_t tap = 0; tap < shape.kernel; ++tap) {
        for (int64_t row = 0; row < shape.inputs * shape.height; ++row, spread += shape.stride()) {
            std::copy_n(image + row * shape.width + tap, shape.columns(), spread);
            std::fill(spread + shape.columns(), spread + shape.stride(), 0.0f);
        }
    }
}

// Sums over the convolution's pixels of one row of taps with all taps of another row: first (kernel), second
// (kernel) and their products (kernel, kernel). `first` and `second` are where these rows of taps begin.
template <int LANES>
INLINED void multiply_rows(const float* first, const float* second, const Shape& shape, float* products) {
    using L = Lanes<LANES>;
    constexpr int AT_ONCE = 5;
    const int64_t next_tap = shape.inputs * shape.height * shape.stride();
    for (int64_t one = 0; one < shape.kernel; ++one, first += next_tap) {
        for (int64_t others = 0; others < shape.kernel; others += AT_ONCE) {
            typename L::Floats sums[AT_ONCE] = {};
            const int64_t last = shape.kernel - 1;
            const float* taps[AT_ONCE];
            for (int t = 0; t < AT_ONCE; ++t) taps[t] = second + std::min(others + t, last) * next_tap;
            for (int64_t row = 0; row < shape.rows(); ++row) {
                for (int64_t column = 0; column < shape.columns(); column += LANES) {
                    const int64_t at = row * shape.stride() + column;
                    const typename L::Floats value = L::load(first + at);
                    UNROLLED
                    for (int t = 0; t < AT_ONCE; ++t) sums[t] += value * L::load(taps[t] + at);
                }
            }
            for (int t = 0; t < AT_ONCE && others + t < shape.kernel; ++t) {
                products[one * shape.taps() + others + t] = L::sum(sums[t]);
            }
        }
    }
}

// Of one image: the sum of each tap over the convolution's pixels, (taps), and of each two, (taps, taps); below
// the diagonal of kernel rows only.
template <int LANES>
INLINED void multiply_taps(const float* spread, const Shape& shape, float* sums, float* products) {
    using L = Lanes<LANES>;
    const int64_t tap_rows = shape.inputs * shape.kernel,
                  next_tap = shape.inputs * shape.height * shape.stride();
    const auto begin = [&](int64_t tap_row) {
        return spread + (tap_row / shape.kernel * shape.height + tap_row % shape.kernel) * shape.stride();
    };
    for (int64_t one = 0; one < tap_rows; ++one) {
        for (int64_t other = 0; other <= one; ++other) {
            float* const block = products + (one * shape.taps() + other) * shape.kernel;
            multiply_rows<LANES>(begin(one), begin(other), shape, block);
        }
        for (int64_t tap = 0; tap < shape.kernel; ++tap) {
            typename L::Floats sum = {};
            for (int64_t row = 0; row < shape.rows(); ++row) {
                const float* const at = begin(one) + tap * next_tap + row * shape.stride();
                for (int64_t column = 0; column < shape.columns(); column += LANES) sum += L::load(at + column);
            }
            sums[one * shape.kernel + tap] = L::sum(sum);
        }
    }
}

FOR_EACH_WIDTH(multiply_taps_of_image, multiply_taps, 16,
               (const float* spread, const Shape& shape, float* sums, float* products),
               (spread, shape, sums, products))

// Sums over some images, each of which adds to them.
struct GradientSums {
    std::vector<float> taps;               // (channels, padded taps): gradient times input
    std::vector<double> passed, products;  // (channels): the gradient, and the gradient times the activation

    explicit GradientSums(const Shape& shape)
        : taps(shape.channels * shape.padded_taps()), passed(shape.channels), products(shape.channels) {}
};

// `image` has rows of shape.stride() floats.
INLINED void add_gradient_of_image_here(const float* grad_y, const float* image, const float* y,
                                        const uint8_t* argmax, const Shape& shape, GradientSums& sums) {
    for (int64_t pixel = 0; pixel < shape.pooled(); ++pixel) {
        const int64_t row = pixel / shape.pooled_columns(), column = pixel % shape.pooled_columns();
        const float* const corner = image + (row * shape.stride() + column) * WINDOW;
        const int64_t at = pixel * shape.channels;
        for_each_winner(argmax + at, shape.channels, [&](int64_t c) {
            const int64_t index = argmax[at + c];
            const float gradient = grad_y[at + c];
            sums.passed[c] += gradient;
            sums.products[c] += gradient * y[at + c];
            const float* taps = corner + index / WINDOW * shape.stride() + index % WINDOW;
            float* sum = sums.taps.data() + c * shape.padded_taps();
            for (int64_t input = 0; input < shape.inputs; ++input) {
                for (int64_t tap_row = 0; tap_row < shape.kernel; ++tap_row, sum += Shape::KERNEL_ROW) {
                    const float* const tap = taps + (input * shape.height + tap_row) * shape.stride();
                    for (int64_t t = 0; t < Shape::KERNEL_ROW; ++t) sum[t] += gradient * tap[t];
                }
            }
        });
    }
}

FOR_EACH_PROCESSOR(void, add_gradient_of_image, add_gradient_of_image_here, 8,
                   (const float* grad_y, const float* image, const float* y, const uint8_t* argmax,
                    const Shape& shape, GradientSums& sums),
                   (grad_y, image, y, argmax, shape, sums))

void pad_rows(const float* image, const Shape& shape, float* padded) {
    for (int64_t row = 0; row < shape.inputs * shape.height; ++row, padded += shape.stride()) {
        std::copy_n(image + row * shape.width, shape.width, padded);
        std::fill(padded + shape.width, padded + shape.stride(), 0.0f);
    }
}

}  // namespace

extern "C" {

// The winners y, the argmax index of each, and for how many images and pixels each channel is on.
void pooled_image_winners(const float* images, int64_t count, int64_t inputs, int64_t height, int64_t width,
                          int64_t kernel, int64_t channels, int before_pool, int threads,
                          const float* weights, const float* shift, const float* scale, const float* boost,
                          int64_t k, float* y, uint8_t* argmax, int64_t* on) {
    const Shape shape{inputs, height, width, kernel, channels};
#pragma omp parallel num_threads(threads)
    {
        Scratch scratch((before_pool ? WINDOW * WINDOW : 1) * shape.units());
        std::vector<int32_t> on_here(channels);
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < count; ++i) {
            activate_of_image(images + i * shape.pixels(), before_pool, shape, weights, {shift, scale, boost},
                              scratch);
            winners_of_image(shape, before_pool, k, y + i * shape.units(), argmax + i * shape.units(),
                             on_here.data(), scratch);
        }
#pragma omp critical
        for (int64_t c = 0; c < channels; ++c) on[c] += on_here[c];
    }
}

// Sums over the images and the convolution's pixels: of each tap, (taps), and of the products of each two.
void tap_sums(const float* images, int64_t count, int64_t inputs, int64_t height, int64_t width, int64_t kernel,
              int threads, double* sums, double* products) {
    const Shape shape{inputs, height, width, kernel, 0};
    const int64_t taps = shape.taps();
    std::vector<float> each(count * (taps + taps * taps));
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> spread(kernel * inputs * height * shape.stride() + PADDING);
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < count; ++i) {
            float* const here = each.data() + i * (taps + taps * taps);
            spread_columns(images + i * shape.pixels(), shape, spread.data());
            multiply_taps_of_image(spread.data(), shape, here, here + taps);
        }
    }
    std::fill(sums, sums + taps, 0.0);
    std::fill(products, products + taps * taps, 0.0);
    for (int64_t i = 0; i < count; ++i) {
        const float* const here = each.data() + i * (taps + taps * taps);
        for (int64_t t = 0; t < taps; ++t) sums[t] += here[t];
        for (int64_t t = 0; t < taps * taps; ++t) products[t] += here[taps + t];
    }
    for (int64_t one = 0; one < taps; ++one) {
        for (int64_t other = one + 1; other < taps; ++other) {
            if (other / kernel > one / kernel) products[one * taps + other] = products[other * taps + one];
        }
    }
}

// Sums over what winners pass on: of the gradient times each tap, (channels, taps), of the gradient,
// (channels), and of the gradient times the activation.
void image_winners_gradient_sums(const float* grad_y, const float* images, const float* y,
                                 const uint8_t* argmax, int64_t count, int64_t inputs, int64_t height,
                                 int64_t width, int64_t kernel, int64_t channels, int threads, double* taps,
                                 double* passed, double* products) {
    const Shape shape{inputs, height, width, kernel, channels};
    // As many images in a group whatever the number of threads, and so the same bits.
    constexpr int64_t GROUP = 8;
    const int64_t groups = (count + GROUP - 1) / GROUP;
    std::vector<GradientSums> sums(groups, GradientSums(shape));
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int64_t group = 0; group < groups; ++group) {
        std::vector<float> padded(inputs * height * shape.stride() + PADDING);
        for (int64_t i = group * GROUP; i < std::min(count, (group + 1) * GROUP); ++i) {
            const int64_t at = i * shape.units();
            pad_rows(images + i * shape.pixels(), shape, padded.data());
            add_gradient_of_image(grad_y + at, padded.data(), y + at, argmax + at, shape, sums[group]);
        }
    }
    std::fill(taps, taps + channels * shape.taps(), 0.0);
    std::fill(passed, passed + channels, 0.0);
    std::fill(products, products + channels, 0.0);
    for (const GradientSums& of : sums) {
        for (int64_t tap = 0; tap < channels * shape.taps(); ++tap) {
            taps[tap] += of.taps[tap / kernel * Shape::KERNEL_ROW + tap % kernel];
        }
        for (int64_t c = 0; c < channels; ++c) {
            passed[c] += of.passed[c];
            products[c] += of.products[c];
        }
    }
}

}  // extern "C"
