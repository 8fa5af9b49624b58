// Batch norm, max pooling and k-winners, in either order, in as few passes over memory as there can be. `norm_pool_winners.py`
// says what is computed.
//
// A batch is (images, height, width, channels) in memory. An image is one thread's work; what is summed over
// images is added in their order afterwards, so that the number of threads changes no bit of a result.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "processor.h"
#include "bfloat16.h"
#include "threshold.h"
#include "winners.h"

namespace {

struct Sizes {
    int64_t images, height, width, channels, window;

    int64_t pixels() const { return height * width; }
    int64_t pooled_height() const { return height / window; }
    int64_t pooled_width() const { return width / window; }
    int64_t values() const { return pixels() * channels; }
    int64_t units() const { return pooled_height() * pooled_width() * channels; }
};

// Sums of two kinds for each channel of each image, and their totals over the images.
class ChannelSums {
public:
    explicit ChannelSums(const Sizes& sizes) : sizes_(sizes), sums_(2 * sizes.images * sizes.channels) {}

    double* first(int64_t image) { return sums_.data() + 2 * image * sizes_.channels; }
    double* second(int64_t image) { return first(image) + sizes_.channels; }

    void total(int64_t channel, double& first_total, double& second_total) {
        first_total = second_total = 0;
        for (int64_t image = 0; image < sizes_.images; ++image) {
            first_total += first(image)[channel];
            second_total += second(image)[channel];
        }
    }

private:
    Sizes sizes_;
    std::vector<double> sums_;
};

// Sums of x − shift and of its square. A shift near the mean keeps the squares small, and so exact.
template <typename T>
INLINED void sum_pixels(const T* x, const Sizes& sizes, const float* shift, double* sums, double* squares) {
    const int64_t channels = sizes.channels;
    std::vector<float> row_sums(channels), row_squares(channels);
    for (int64_t row = 0; row < sizes.height; ++row) {
        std::fill(row_sums.begin(), row_sums.end(), 0.0f);
        std::fill(row_squares.begin(), row_squares.end(), 0.0f);
        for (int64_t column = 0; column < sizes.width; ++column, x += channels) {
            for (int64_t c = 0; c < channels; ++c) {
                const float value = load(x[c]) - shift[c];
                row_sums[c] += value;
                row_squares[c] += value * value;
            }
        }
        for (int64_t c = 0; c < channels; ++c) {
            sums[c] += row_sums[c];
            squares[c] += row_squares[c];
        }
    }
}

// What a thread needs for one image after the other.
struct Scratch {
    std::vector<float> activations;
    std::vector<int32_t> boosted;
    std::vector<int16_t> halves;

    explicit Scratch(int64_t units) : activations(units), boosted(units), halves(units) {}
};

// The highest of a window's pixels and its argmax index: the first of equals; a NaN is the highest.
template <typename T>
INLINED void pool(const T* corner, const Sizes& sizes, float* highest, uint8_t* argmax) {
    const int64_t channels = sizes.channels, window = sizes.window;
    for (int64_t c = 0; c < channels; ++c) {
        highest[c] = load(corner[c]);
        argmax[c] = 0;
    }
    for (int64_t index = 1; index < window * window; ++index) {
        const T* pixel = corner + (index / window * sizes.width + index % window) * channels;
        for (int64_t c = 0; c < channels; ++c) {
            const float value = load(pixel[c]);
            const bool higher = value > highest[c] || value != value;
            highest[c] = higher ? value : highest[c];
            argmax[c] = higher ? static_cast<uint8_t>(index) : argmax[c];
        }
    }
}

// Normalises and boosts the channels of one pixel.
template <typename T>
INLINED void activate(const T* x, int64_t channels, const float* mean, const float* scale, const float* boost,
                      float* activations, int32_t* boosted) {
    for (int64_t c = 0; c < channels; ++c) {
        activations[c] = (load(x[c]) - mean[c]) * scale[c];
        boosted[c] = order_of(activations[c] * boost[c]);
    }
}

// Normalising is the same for all pixels of a channel and keeps their order: it may come after the pooling.
template <typename T>
INLINED void choose_winners(const T* x, const Sizes& sizes, const float* mean, const float* scale,
                            const float* boost, int64_t k, T* y, uint8_t* argmax, int32_t* on,
                            Scratch& scratch) {
    const int64_t channels = sizes.channels, units = sizes.units();
    float* const activations = scratch.activations.data();
    int32_t* const boosted = scratch.boosted.data();
    for (int64_t pixel = 0; pixel < sizes.pooled_height() * sizes.pooled_width(); ++pixel) {
        const int64_t row = pixel / sizes.pooled_width(), column = pixel % sizes.pooled_width();
        const int64_t at = pixel * channels;
        pool(x + (row * sizes.width + column) * sizes.window * channels, sizes, activations + at, argmax + at);
        activate(activations + at, channels, mean, scale, boost, activations + at, boosted + at);
    }
    const int32_t threshold = kth_highest_order(boosted, units, k, scratch.halves.data());
    keep_winners(activations, boosted, argmax, threshold, units, channels, y, argmax, on);
}

// Winners of all pixels, and then the pooling. Window follows window in the scratch, and at the end come the
// pixels that are in none: they compete, and count as on, but are not in y.
template <typename T>
INLINED void choose_before_pool(const T* x, const Sizes& sizes, const float* mean, const float* scale,
                                const float* boost, int64_t k, T* y, uint8_t* argmax, int32_t* on,
                                Scratch& scratch) {
    const int64_t channels = sizes.channels, window = sizes.window;
    const int64_t windows = sizes.pooled_height() * sizes.pooled_width();
    int64_t outside = windows * window * window;
    for (int64_t pixel = 0; pixel < sizes.pixels(); ++pixel, x += channels) {
        const int64_t row = pixel / sizes.width, column = pixel % sizes.width;
        const int64_t pooled_row = row / window, pooled_column = column / window;
        const bool in_a_window = pooled_row < sizes.pooled_height() && pooled_column < sizes.pooled_width();
        const int64_t slot = !in_a_window ? outside++
                                          : (pooled_row * sizes.pooled_width() + pooled_column) * window * window +
                                                row % window * window + column % window;
        activate(x, channels, mean, scale, boost, scratch.activations.data() + slot * channels,
                 scratch.boosted.data() + slot * channels);
    }
    const int32_t* const boosted = scratch.boosted.data();
    const int32_t threshold = kth_highest_order(boosted, sizes.values(), k, scratch.halves.data());
    keep_winners_and_pool(scratch.activations.data(), boosted, threshold, windows, window * window, channels, y,
                          argmax, on);
    for (int64_t at = windows * window * window * channels; at < sizes.values(); ++at) {
        on[at % channels] += boosted[at] >= threshold && scratch.activations[at] > 0;
    }
}

// Sums of the gradients that winners pass on, and of these times the normalised activation, which is y.
template <typename T>
INLINED void sum_passed_on(const T* gradient, const T* y, const uint8_t* argmax, const Sizes& sizes,
                           double* sums, double* products) {
    const int64_t channels = sizes.channels;
    std::vector<float> image_sums(channels), image_products(channels);
    for (int64_t at = 0; at < sizes.units(); at += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            const float passed_on = argmax[at + c] == NO_WINNER ? 0.0f : load(gradient[at + c]);
            image_sums[c] += passed_on;
            image_products[c] += passed_on * load(y[at + c]);
        }
    }
    std::copy(image_sums.begin(), image_sums.end(), sums);
    std::copy(image_products.begin(), image_products.end(), products);
}

// dx = scale·(the gradient, where x is a winner) − offset − slope·(x − mean), all of the pixel's channel.
template <typename T>
INLINED void spread_gradient(const T* gradient, const T* x, const uint8_t* argmax, const Sizes& sizes,
                             const float* mean, const float* scale, const float* offset, const float* slope,
                             T* dx) {
    const int64_t channels = sizes.channels, window = sizes.window;
    for (int64_t pixel = 0; pixel < sizes.pixels(); ++pixel, x += channels, dx += channels) {
        const int64_t row = pixel / sizes.width, column = pixel % sizes.width;
        const bool in_a_window = row / window < sizes.pooled_height() && column / window < sizes.pooled_width();
        if (!in_a_window) {
            for (int64_t c = 0; c < channels; ++c) store(dx[c], -offset[c] - slope[c] * (load(x[c]) - mean[c]));
            continue;
        }
        const auto index = static_cast<uint8_t>(row % window * window + column % window);
        const int64_t at = (row / window * sizes.pooled_width() + column / window) * channels;
        for (int64_t c = 0; c < channels; ++c) {
            const float passed_on = argmax[at + c] == index ? load(gradient[at + c]) : 0.0f;
            store(dx[c], scale[c] * passed_on - offset[c] - slope[c] * (load(x[c]) - mean[c]));
        }
    }
}

INLINED void sum_image_here(const void* x, bool bfloat16, int64_t image, const Sizes& sizes,
                            const float* shift, double* sums, double* squares) {
    const int64_t at = image * sizes.values();
    if (bfloat16) {
        sum_pixels(static_cast<const Bfloat16*>(x) + at, sizes, shift, sums, squares);
    } else {
        sum_pixels(static_cast<const float*>(x) + at, sizes, shift, sums, squares);
    }
}

FOR_EACH_PROCESSOR(void, sum_image, sum_image_here, 16,
                   (const void* x, bool bfloat16, int64_t image, const Sizes& sizes, const float* shift,
                    double* sums, double* squares),
                   (x, bfloat16, image, sizes, shift, sums, squares))

template <typename T>
INLINED void choose(const T* x, bool before_pool, const Sizes& sizes, const float* mean, const float* scale,
                    const float* boost, int64_t k, T* y, uint8_t* argmax, int32_t* on, Scratch& scratch) {
    if (before_pool) {
        choose_before_pool(x, sizes, mean, scale, boost, k, y, argmax, on, scratch);
    } else {
        choose_winners(x, sizes, mean, scale, boost, k, y, argmax, on, scratch);
    }
}

INLINED void winners_of_image_here(const void* x, bool bfloat16, bool before_pool, int64_t image,
                                   const Sizes& sizes, const float* mean, const float* scale,
                                   const float* boost, int64_t k, void* y, uint8_t* argmax, int32_t* on,
                                   Scratch& scratch) {
    const int64_t from = image * sizes.values(), to = image * sizes.units();
    if (bfloat16) {
        choose(static_cast<const Bfloat16*>(x) + from, before_pool, sizes, mean, scale, boost, k,
               static_cast<Bfloat16*>(y) + to, argmax + to, on, scratch);
    } else {
        choose(static_cast<const float*>(x) + from, before_pool, sizes, mean, scale, boost, k,
               static_cast<float*>(y) + to, argmax + to, on, scratch);
    }
}

FOR_EACH_PROCESSOR(void, winners_of_image, winners_of_image_here, 16,
                   (const void* x, bool bfloat16, bool before_pool, int64_t image, const Sizes& sizes,
                    const float* mean, const float* scale, const float* boost, int64_t k, void* y,
                    uint8_t* argmax, int32_t* on, Scratch& scratch),
                   (x, bfloat16, before_pool, image, sizes, mean, scale, boost, k, y, argmax, on, scratch))

INLINED void sum_gradient_of_image_here(const void* gradient, const void* y, const uint8_t* argmax,
                                        bool bfloat16, int64_t image, const Sizes& sizes, double* sums,
                                        double* products) {
    const int64_t at = image * sizes.units();
    if (bfloat16) {
        sum_passed_on(static_cast<const Bfloat16*>(gradient) + at, static_cast<const Bfloat16*>(y) + at,
                      argmax + at, sizes, sums, products);
    } else {
        sum_passed_on(static_cast<const float*>(gradient) + at, static_cast<const float*>(y) + at, argmax + at,
                      sizes, sums, products);
    }
}

FOR_EACH_PROCESSOR(void, sum_gradient_of_image, sum_gradient_of_image_here, 16,
                   (const void* gradient, const void* y, const uint8_t* argmax, bool bfloat16, int64_t image,
                    const Sizes& sizes, double* sums, double* products),
                   (gradient, y, argmax, bfloat16, image, sizes, sums, products))

INLINED void gradient_of_image_here(const void* gradient, const void* x, const uint8_t* argmax, bool bfloat16,
                                    int64_t image, const Sizes& sizes, const float* mean, const float* scale,
                                    const float* offset, const float* slope, void* dx) {
    const int64_t from = image * sizes.units(), to = image * sizes.values();
    if (bfloat16) {
        spread_gradient(static_cast<const Bfloat16*>(gradient) + from, static_cast<const Bfloat16*>(x) + to,
                        argmax + from, sizes, mean, scale, offset, slope, static_cast<Bfloat16*>(dx) + to);
    } else {
        spread_gradient(static_cast<const float*>(gradient) + from, static_cast<const float*>(x) + to,
                        argmax + from, sizes, mean, scale, offset, slope, static_cast<float*>(dx) + to);
    }
}

FOR_EACH_PROCESSOR(void, gradient_of_image, gradient_of_image_here, 16,
                   (const void* gradient, const void* x, const uint8_t* argmax, bool bfloat16, int64_t image,
                    const Sizes& sizes, const float* mean, const float* scale, const float* offset,
                    const float* slope, void* dx),
                   (gradient, x, argmax, bfloat16, image, sizes, mean, scale, offset, slope, dx))

}  // namespace

extern "C" {

// Mean and biased variance of each channel of x.
void channel_statistics(const void* x, int bfloat16, int64_t images, int64_t height, int64_t width,
                        int64_t channels, int threads, float* mean, float* variance) {
    const Sizes sizes{images, height, width, channels, 1};
    std::vector<float> shift(channels);
    for (int64_t c = 0; c < channels; ++c) {
        shift[c] = bfloat16 ? load(static_cast<const Bfloat16*>(x)[c]) : static_cast<const float*>(x)[c];
    }
    ChannelSums sums(sizes);
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int64_t i = 0; i < images; ++i) {
        sum_image(x, bfloat16, i, sizes, shift.data(), sums.first(i), sums.second(i));
    }
    const double count = static_cast<double>(images * sizes.pixels());
    for (int64_t c = 0; c < channels; ++c) {
        double sum, squares;
        sums.total(c, sum, squares);
        mean[c] = static_cast<float>(shift[c] + sum / count);
        variance[c] = static_cast<float>(std::max(0.0, squares - sum / count * sum) / count);
    }
}

// The winners y, the argmax index of each, and for how many images and pixels each channel is on.
void pooled_norm_winners(const void* x, int bfloat16, int64_t images, int64_t height, int64_t width,
                         int64_t channels, int64_t window, int before_pool, int threads, const float* mean,
                         const float* scale, const float* boost, int64_t k, void* y, uint8_t* argmax,
                         int64_t* on) {
    const Sizes sizes{images, height, width, channels, window};
#pragma omp parallel num_threads(threads)
    {
        Scratch scratch(before_pool ? sizes.values() : sizes.units());
        std::vector<int32_t> on_here(channels);
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < images; ++i) {
            winners_of_image(x, bfloat16, before_pool, i, sizes, mean, scale, boost, k, y, argmax,
                             on_here.data(), scratch);
        }
#pragma omp critical
        for (int64_t c = 0; c < channels; ++c) on[c] += on_here[c];
    }
}

// The gradient with respect to x, of which mean and scale were computed, from the one with respect to y.
void norm_pool_winners_gradient(const void* grad_y, const void* x, const void* y, const uint8_t* argmax,
                                int bfloat16, int64_t images, int64_t height, int64_t width, int64_t channels,
                                int64_t window, int threads, const float* mean, const float* scale,
                                void* grad_x) {
    const Sizes sizes{images, height, width, channels, window};
    ChannelSums sums(sizes);
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int64_t i = 0; i < images; ++i) {
        sum_gradient_of_image(grad_y, y, argmax, bfloat16, i, sizes, sums.first(i), sums.second(i));
    }
    // Batch norm passes on scale·(g − mean(g) − x̂·mean(g·x̂)), where x̂ = (x − mean)·scale.
    std::vector<float> offset(channels), slope(channels);
    const double count = static_cast<double>(images * sizes.pixels());
    for (int64_t c = 0; c < channels; ++c) {
        double sum, products;
        sums.total(c, sum, products);
        offset[c] = static_cast<float>(scale[c] * sum / count);
        slope[c] = static_cast<float>(scale[c] * scale[c] * products / count);
    }
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int64_t i = 0; i < images; ++i) {
        gradient_of_image(grad_y, x, argmax, bfloat16, i, sizes, mean, scale, offset.data(), slope.data(),
                          grad_x);
    }
}

}  // extern "C"
