// Convolutions most of whose weights are zero, in time that grows with the number of the others.
// `sparse_convolution.py` says what is computed.
//
// Images are taken GROUP at a time, with a pixel of each of them side by side, so that a register holds as many
// images as it has lanes, and a weight meets a row of pixels at once. What is missing in the last group is zero.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "lanes.h"

namespace {

constexpr int64_t GROUP = 16;   // images
constexpr int64_t AT_ONCE = 5;  // pixels of a row
constexpr int64_t TILE = 16;    // channels that are transposed at once

int64_t rounded_up(int64_t count, int64_t to) { return (count + to - 1) / to * to; }

struct Shape {
    int64_t images, height, width, inputs, kernel, outputs, kept;  // `kept` by output channel

    int64_t groups() const { return (images + GROUP - 1) / GROUP; }
    int64_t rows() const { return height - kernel + 1; }
    int64_t columns() const { return width - kernel + 1; }
    int64_t weights() const { return outputs * kept; }
};

// The pixels of a batch of (images, height, width, channels) as (groups, channels, height, stride, GROUP), with
// `margin` columns of zeros on either side.
class Grouped {
public:
    Grouped(int64_t images, int64_t height, int64_t width, int64_t channels, int64_t margin)
        : images_(images), height_(height), width_(width), channels_(channels), margin_(margin),
          values_(new float[size()]) {
        // Zeros, where nothing is taken: few enough images or no margin leave little of it.
        if (margin || images % GROUP) std::fill_n(values_.get(), size(), 0.0f);
        std::fill_n(values_.get() + size() - AT_ONCE * GROUP, AT_ONCE * GROUP, 0.0f);
    }

    int64_t size() const { return rounded_up(images_, GROUP) / GROUP * channels_ * plane() + AT_ONCE * GROUP; }
    int64_t stride() const { return width_ + 2 * margin_; }
    int64_t plane() const { return height_ * stride() * GROUP; }
    const float* at(int64_t group, int64_t channel) const {
        return values_.get() + (group * channels_ + channel) * plane();
    }

    void take(const float* batch, int64_t group, int64_t row) {
        const int64_t here = std::min(GROUP, images_ - group * GROUP);
        for (int64_t column = 0; column < width_; ++column) {
            const float* const from =
                batch + ((group * GROUP * height_ + row) * width_ + column) * channels_;
            float* const to = values_.get() + group * channels_ * plane() +
                              (row * stride() + margin_ + column) * GROUP;
            for (int64_t c = 0; c < channels_; ++c) {
                for (int64_t i = 0; i < here; ++i) to[c * plane() + i] = from[i * height_ * width_ * channels_ + c];
            }
        }
    }

private:
    int64_t images_, height_, width_, channels_, margin_;
    std::unique_ptr<float[]> values_;
};

// A row of pixels of a group in all of `channels`, (channels, stride, GROUP): `give` puts it into a batch.
struct Row {
    int64_t channels, width;
    std::vector<float> values;

    Row(int64_t channels, int64_t width)
        : channels(channels), width(width), values(channels * rounded_up(width, AT_ONCE) * GROUP) {}

    int64_t stride() const { return rounded_up(width, AT_ONCE) * GROUP; }

    void give(float* batch, int64_t images, int64_t height, int64_t group, int64_t row) const {
        for (int64_t i = 0; i < std::min(GROUP, images - group * GROUP); ++i) {
            float* to = batch + ((group * GROUP + i) * height + row) * width * channels;
            for (int64_t column = 0; column < width; ++column, to += channels) {
                const float* const from = values.data() + column * GROUP + i;
                for (int64_t c = 0; c < channels; ++c) to[c] = from[c * stride()];
            }
        }
    }
};

// Adds to a row of pixels: of each weight, its value times the row that begins at its offset in `from`.
template <int LANES>
INLINED void add_weighted_rows(const float* values, const int64_t* offsets, int64_t count, const float* from,
                               int64_t width, float* row) {
    using L = Lanes<LANES>;
    constexpr int REGISTERS = AT_ONCE * GROUP / LANES;
    for (int64_t column = 0; column < width; column += AT_ONCE) {
        typename L::Floats sum[REGISTERS];
        UNROLLED
        for (int r = 0; r < REGISTERS; ++r) sum[r] = L::load(row + column * GROUP + r * LANES);
        for (int64_t i = 0; i < count; ++i) {
            const float value = values[i];
            const float* const pixels = from + offsets[i] + column * GROUP;
            UNROLLED
            for (int r = 0; r < REGISTERS; ++r) sum[r] += value * L::load(pixels + r * LANES);
        }
        UNROLLED
        for (int r = 0; r < REGISTERS; ++r) L::store(row + column * GROUP + r * LANES, sum[r]);
    }
}

FOR_EACH_WIDTH(weighted_rows, add_weighted_rows, 16,
               (const float* values, const int64_t* offsets, int64_t count, const float* from, int64_t width,
                float* row),
               (values, offsets, count, from, width, row))

// For each weight, the sum over images and pixels of the gradient times the pixels that begin at its offset.
// In both, `columns` of each of `rows`; the gradient has zeros after them, up to a multiple of AT_ONCE. `sums` is room for a
// register by weight.
template <int LANES>
INLINED void multiply_planes(const float* gradient, int64_t gradient_stride, const float* from, int64_t stride,
                             const int64_t* offsets, int64_t count, int64_t rows, int64_t columns, float* sums,
                             float* products) {
    using L = Lanes<LANES>;
    constexpr int REGISTERS = AT_ONCE * GROUP / LANES;
    std::fill_n(sums, count * LANES, 0.0f);
    for (int64_t row = 0; row < rows; ++row) {
        for (int64_t at = 0; at < columns * GROUP; at += AT_ONCE * GROUP) {
            typename L::Floats pixels[REGISTERS];
            UNROLLED
            for (int r = 0; r < REGISTERS; ++r) {
                pixels[r] = L::load(gradient + row * gradient_stride + at + r * LANES);
            }
            for (int64_t i = 0; i < count; ++i) {
                const float* const others = from + offsets[i] + row * stride + at;
                typename L::Floats sum = L::load(sums + i * LANES);
                UNROLLED
                for (int r = 0; r < REGISTERS; ++r) sum += pixels[r] * L::load(others + r * LANES);
                L::store(sums + i * LANES, sum);
            }
        }
    }
    for (int64_t i = 0; i < count; ++i) products[i] = L::sum(L::load(sums + i * LANES));
}

FOR_EACH_WIDTH(products_of_planes, multiply_planes, 16,
               (const float* gradient, int64_t gradient_stride, const float* from, int64_t stride,
                const int64_t* offsets, int64_t count, int64_t rows, int64_t columns, float* sums,
                float* products),
               (gradient, gradient_stride, from, stride, offsets, count, rows, columns, sums, products))

// The kept weights by block of BLOCK channels that are read, and then by channel that is written.
struct Order {
    const int32_t* index_of;  // among the weights as they are given
    const int32_t* starts;    // of each block and channel, and the end of the last
};

struct Tap {
    int64_t channel, row, column;
};

// `indices` are of (kernel, kernel, inputs) for each output channel.
Tap tap_of(const int32_t* indices, int64_t i, const Shape& shape) {
    const int64_t tap = indices[i] / shape.inputs;
    return {indices[i] % shape.inputs, tap / shape.kernel, tap % shape.kernel};
}

constexpr int64_t BLOCK = 4;  // as in sparse_convolution.py: their rows stay in the nearest cache

}  // namespace

extern "C" {

void convolution_of_kept(const float* x, int64_t images, int64_t height, int64_t width, int64_t inputs,
                         int64_t kernel, int64_t outputs, int64_t kept, const int32_t* indices,
                         const int32_t* index_of, const int32_t* starts, int threads, const float* weights,
                         const float* bias, float* y) {
    const Shape shape{images, height, width, inputs, kernel, outputs, kept};
    Grouped pixels(images, height, width, inputs, 0);
    std::vector<float> values(shape.weights());
    std::vector<int64_t> offsets(shape.weights());
    for (int64_t i = 0; i < shape.weights(); ++i) {
        const Tap tap = tap_of(indices, index_of[i], shape);
        values[i] = weights[index_of[i]];
        offsets[i] = tap.channel * pixels.plane() + (tap.row * pixels.stride() + tap.column) * GROUP;
    }
    const int64_t blocks = (inputs + BLOCK - 1) / BLOCK;
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic) collapse(2)
        for (int64_t group = 0; group < shape.groups(); ++group) {
            for (int64_t row = 0; row < height; ++row) pixels.take(x, group, row);
        }
        Row sums(outputs, shape.columns());
#pragma omp for schedule(dynamic) collapse(2)
        for (int64_t group = 0; group < shape.groups(); ++group) {
            for (int64_t row = 0; row < shape.rows(); ++row) {
                for (int64_t o = 0; o < outputs; ++o) {
                    std::fill_n(sums.values.data() + o * sums.stride(), sums.stride(), bias[o]);
                }
                const float* const from = pixels.at(group, 0) + row * pixels.stride() * GROUP;
                for (int64_t b = 0; b < blocks; ++b) {
                    for (int64_t o = 0; o < outputs; ++o) {
                        const int64_t begin = starts[b * outputs + o], end = starts[b * outputs + o + 1];
                        weighted_rows(values.data() + begin, offsets.data() + begin, end - begin, from,
                                      shape.columns(), sums.values.data() + o * sums.stride());
                    }
                }
                sums.give(y, images, shape.rows(), group, row);
            }
        }
    }
}

// The gradients with respect to x and to the weights. What forward does with blocks of input channels, the one with
// respect to x does with blocks of output channels.
void convolution_of_kept_gradient(const float* grad_y, const float* x, int64_t images, int64_t height,
                                  int64_t width, int64_t inputs, int64_t kernel, int64_t outputs, int64_t kept,
                                  const int32_t* indices, const int32_t* index_of, const int32_t* starts,
                                  const int32_t* back_index_of, const int32_t* back_starts, int threads,
                                  const float* weights, float* grad_x, float* grad_weights) {
    const Shape shape{images, height, width, inputs, kernel, outputs, kept};
    const int64_t margin = std::max(kernel, AT_ONCE) - 1;  // the products read as far beyond the last column
    Grouped pixels(images, height, width, inputs, 0);
    Grouped gradient(images, shape.rows(), shape.columns(), outputs, margin);
    const int64_t count = shape.weights();
    std::vector<float> back_values(count), products(shape.groups() * count);
    std::vector<int64_t> offsets(count), back_offsets(count), back_rows(count);
    for (int64_t i = 0; i < count; ++i) {
        const Tap tap = tap_of(indices, index_of[i], shape);
        offsets[i] = tap.channel * pixels.plane() + (tap.row * pixels.stride() + tap.column) * GROUP;
        const Tap back = tap_of(indices, back_index_of[i], shape);
        back_values[i] = weights[back_index_of[i]];
        back_rows[i] = back.row;
        back_offsets[i] = back_index_of[i] / kept * gradient.plane() +
                          (margin - back.column - back.row * gradient.stride()) * GROUP;
    }
    const int64_t blocks = (inputs + BLOCK - 1) / BLOCK, back_blocks = (outputs + BLOCK - 1) / BLOCK;
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic) collapse(2) nowait
        for (int64_t group = 0; group < shape.groups(); ++group) {
            for (int64_t row = 0; row < height; ++row) pixels.take(x, group, row);
        }
#pragma omp for schedule(dynamic) collapse(2)
        for (int64_t group = 0; group < shape.groups(); ++group) {
            for (int64_t row = 0; row < shape.rows(); ++row) gradient.take(grad_y, group, row);
        }
        std::vector<float> lanes(shape.kernel * shape.kernel * BLOCK * GROUP);
#pragma omp for schedule(dynamic) collapse(2) nowait
        for (int64_t group = 0; group < shape.groups(); ++group) {
            for (int64_t b = 0; b < blocks; ++b) {
                for (int64_t o = 0; o < outputs; ++o) {
                    const int64_t begin = starts[b * outputs + o], end = starts[b * outputs + o + 1];
                    products_of_planes(gradient.at(group, o) + margin * GROUP, gradient.stride() * GROUP,
                                       pixels.at(group, 0), pixels.stride() * GROUP, offsets.data() + begin,
                                       end - begin, shape.rows(), shape.columns(), lanes.data(),
                                       products.data() + group * count + begin);
                }
            }
        }
        Row sums(inputs, width);
#pragma omp for schedule(dynamic) collapse(2)
        for (int64_t group = 0; group < shape.groups(); ++group) {
            for (int64_t row = 0; row < height; ++row) {
                std::fill(sums.values.begin(), sums.values.end(), 0.0f);
                const float* const from = gradient.at(group, 0) + row * gradient.stride() * GROUP;
                const int64_t first = std::max<int64_t>(0, row - shape.rows() + 1);
                const int64_t last = std::min<int64_t>(kernel - 1, row);
                for (int64_t b = 0; b < back_blocks; ++b) {
                    for (int64_t c = 0; c < inputs; ++c) {
                        // Those of a block and a channel are in the order of kernel rows.
                        int64_t begin = back_starts[b * inputs + c], end = back_starts[b * inputs + c + 1];
                        while (begin < end && back_rows[begin] < first) ++begin;
                        while (begin < end && back_rows[end - 1] > last) --end;
                        weighted_rows(back_values.data() + begin, back_offsets.data() + begin, end - begin, from,
                                      width, sums.values.data() + c * sums.stride());
                    }
                }
                sums.give(grad_x, images, height, group, row);
            }
        }
#pragma omp for
        for (int64_t i = 0; i < count; ++i) {
            float sum = 0;
            for (int64_t group = 0; group < shape.groups(); ++group) sum += products[group * count + i];
            grad_weights[index_of[i]] = sum;
        }
    }
}

}  // extern "C"
