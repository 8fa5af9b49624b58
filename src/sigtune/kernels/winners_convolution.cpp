// Convolution of the winners of a k-winner layer, in time that grows with their number.
// `winners_convolution.py` says what is computed.
//
// Memory: inputs (images, height, width, inputs) and their argmax indices (`winners.h`); weights (kernel,
// kernel, inputs, outputs), and for the gradient (inputs, kernel, kernel, outputs), so that a register holds
// neighbouring output channels, and what is used together lies together; outputs (images, rows, columns,
// outputs).

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "lanes.h"
#include "winners.h"

namespace {

struct Shape {
    int64_t height, width, inputs, kernel, outputs;

    int64_t rows() const { return height - kernel + 1; }
    int64_t columns() const { return width - kernel + 1; }
    int64_t pixels() const { return height * width; }
    int64_t taps() const { return kernel * kernel; }
    int64_t input_size() const { return pixels() * inputs; }
    int64_t output_size() const { return rows() * columns() * outputs; }
};

// The winners of one image in the order of its pixels: each its value, and where the weights of its column and
// channel are, seen from the first column's.
struct Winners {
    std::vector<float> values;
    std::vector<int32_t> weights;
    std::vector<int64_t> starts;  // of each pixel, and the end of the last

    explicit Winners(const Shape& shape)
        : values(shape.input_size()), weights(shape.input_size()), starts(shape.pixels() + 1) {}

    INLINED void find(const float* input, const uint8_t* argmax, const Shape& shape) {
        int64_t found = 0;
        for (int64_t pixel = 0; pixel < shape.pixels(); ++pixel) {
            starts[pixel] = found;
            const int64_t column = pixel % shape.width, at = pixel * shape.inputs;
            for_each_winner(argmax + at, shape.inputs, [&](int64_t c) {
                values[found] = input[at + c];
                weights[found] = static_cast<int32_t>((column * shape.inputs + c) * shape.outputs);
                ++found;
            });
        }
        starts[shape.pixels()] = found;
    }
};

// BLOCK output channels, of which a register holds LANES, at all pixels of an image.
template <int LANES, int BLOCK>
INLINED void convolve_block(const Winners& winners, const Shape& shape, const float* weights, const float* bias,
                            float* output) {
    using L = Lanes<LANES>;
    constexpr int REGISTERS = BLOCK / LANES;
    const int64_t next_column = shape.inputs * shape.outputs;
    // Row by row of the kernel, whose weights stay in the cache while they meet all the image.
    for (int64_t tap_row = 0; tap_row < shape.kernel; ++tap_row, weights += shape.kernel * next_column) {
        const bool first = tap_row == 0;
        float* sums = output;
        for (int64_t row = 0; row < shape.rows(); ++row) {
            for (int64_t column = 0; column < shape.columns(); ++column, sums += shape.outputs) {
                const int64_t pixel = (row + tap_row) * shape.width + column;
                const int64_t end = winners.starts[pixel + shape.kernel];
                const float* const origin = weights - column * next_column;
                typename L::Floats sum[REGISTERS];
                UNROLLED
                for (int r = 0; r < REGISTERS; ++r) sum[r] = L::load((first ? bias : sums) + r * LANES);
                for (int64_t i = winners.starts[pixel]; i < end; ++i) {
                    const float value = winners.values[i];
                    const float* const of_winner = origin + winners.weights[i];
                    UNROLLED
                    for (int r = 0; r < REGISTERS; ++r) sum[r] += value * L::load(of_winner + r * LANES);
                }
                UNROLLED
                for (int r = 0; r < REGISTERS; ++r) L::store(sums + r * LANES, sum[r]);
            }
        }
    }
}

template <int LANES>
INLINED void convolve_image(const float* input, const uint8_t* argmax, const Shape& shape, const float* weights,
                            const float* bias, float* output, Winners& winners) {
    winners.find(input, argmax, shape);
    int64_t done = 0;
    for (; done + 64 <= shape.outputs; done += 64) {
        convolve_block<LANES, 64>(winners, shape, weights + done, bias + done, output + done);
    }
    for (; done < shape.outputs; done += 32) {
        convolve_block<LANES, 32>(winners, shape, weights + done, bias + done, output + done);
    }
}

FOR_EACH_WIDTH(convolution_of_image, convolve_image, 16,
               (const float* input, const uint8_t* argmax, const Shape& shape, const float* weights,
                const float* bias, float* output, Winners& winners),
               (input, argmax, shape, weights, bias, output, winners))

// The winners of a batch by image and input channel: their values, which the backward pass replaces by the
// gradients with respect to them, and where they are.
class ChannelWinners {
public:
    ChannelWinners(int64_t images, const Shape& shape)
        : shape_(shape),
          values_(new float[images * shape.input_size()]),
          positions_(new Position[images * shape.input_size()]),
          counts_(images * shape.inputs) {}

    struct Position {
        int16_t row, column;
    };

    float* values(int64_t image, int64_t channel) { return values_.get() + at(image, channel); }
    const Position* positions(int64_t image, int64_t channel) const {
        return positions_.get() + at(image, channel);
    }
    int64_t count(int64_t image, int64_t channel) const { return counts_[image * shape_.inputs + channel]; }

    void find(const float* input, const uint8_t* argmax, int64_t image) {
        int64_t pixel = 0;
        for (int16_t row = 0; row < shape_.height; ++row) {
            for (int16_t column = 0; column < shape_.width; ++column, pixel += shape_.inputs) {
                for_each_winner(argmax + pixel, shape_.inputs, [&](int64_t c) {
                    const int64_t to = at(image, c) + counts_[image * shape_.inputs + c]++;
                    values_[to] = input[pixel + c];
                    positions_[to] = {row, column};
                });
            }
        }
    }

    void spread(int64_t image, float* input) const {
        std::fill_n(input, shape_.input_size(), 0.0f);
        for (int64_t c = 0; c < shape_.inputs; ++c) {
            for (int64_t i = at(image, c), end = i + count(image, c); i < end; ++i) {
                input[(positions_[i].row * shape_.width + positions_[i].column) * shape_.inputs + c] =
                    values_[i];
            }
        }
    }

private:
    int64_t at(int64_t image, int64_t channel) const {
        return (image * shape_.inputs + channel) * shape_.pixels();
    }

    const Shape shape_;
    // No vectors, which would be cleared: there is room for as many winners as units.
    std::unique_ptr<float[]> values_;
    std::unique_ptr<Position[]> positions_;
    std::vector<int32_t> counts_;
};

// Meets a winner with the gradients of the outputs that it reaches, in BLOCK output channels from `first` on:
// adds to the gradient of the weights of its channel, and returns the gradient with respect to the winner.
template <int LANES, int BLOCK>
INLINED float meet_winner(float value, ChannelWinners::Position at, int64_t first, const Shape& shape,
                          const float* grad_output, const float* weights, float* grad_weights) {
    using L = Lanes<LANES>;
    constexpr int REGISTERS = BLOCK / LANES;
    typename L::Floats sums[REGISTERS] = {};
    const int64_t first_row = std::max<int64_t>(0, at.row - shape.rows() + 1);
    const int64_t last_row = std::min<int64_t>(shape.kernel - 1, at.row);
    const int64_t first_column = std::max<int64_t>(0, at.column - shape.columns() + 1);
    const int64_t last_column = std::min<int64_t>(shape.kernel - 1, at.column);
    for (int64_t row = first_row; row <= last_row; ++row) {
        const float* gradient =
            grad_output + ((at.row - row) * shape.columns() + at.column - first_column) * shape.outputs + first;
        int64_t tap = (row * shape.kernel + first_column) * shape.outputs + first;
        for (int64_t column = first_column; column <= last_column; ++column) {
            UNROLLED
            for (int r = 0; r < REGISTERS; ++r) {
                const typename L::Floats part = L::load(gradient + r * LANES);
                sums[r] += part * L::load(weights + tap + r * LANES);
                float* const at_tap = grad_weights + tap + r * LANES;
                L::store(at_tap, L::load(at_tap) + part * value);
            }
            gradient -= shape.outputs;
            tap += shape.outputs;
        }
    }
    typename L::Floats sum = {};
    UNROLLED
    for (int r = 0; r < REGISTERS; ++r) sum += sums[r];
    return L::sum(sum);
}

// One image in one input channel: `weights` and `grad_weights` begin at the channel's first tap.
template <int LANES>
INLINED void meet_channel(ChannelWinners& winners, int64_t image, int64_t channel, const Shape& shape,
                          const float* grad_output, const float* weights, float* grad_weights) {
    float* const values = winners.values(image, channel);
    const ChannelWinners::Position* const positions = winners.positions(image, channel);
    for (int64_t i = 0; i < winners.count(image, channel); ++i) {
        float sum = 0;
        int64_t done = 0;
        for (; done + 64 <= shape.outputs; done += 64) {
            sum += meet_winner<LANES, 64>(values[i], positions[i], done, shape, grad_output, weights,
                                          grad_weights);
        }
        for (; done < shape.outputs; done += 32) {
            sum += meet_winner<LANES, 32>(values[i], positions[i], done, shape, grad_output, weights,
                                          grad_weights);
        }
        values[i] = sum;
    }
}

constexpr int64_t CHANNELS = 8;  // that a thread takes of all images

template <int LANES>
INLINED void meet_channels(ChannelWinners& winners, int64_t image, int64_t first, const Shape& shape,
                           const float* grad_output, const float* weights, float* grad_weights) {
    for (int64_t channel = first; channel < first + CHANNELS; ++channel) {
        const int64_t at = channel * shape.taps() * shape.outputs;
        meet_channel<LANES>(winners, image, channel, shape, grad_output, weights + at, grad_weights + at);
    }
}

FOR_EACH_WIDTH(meet_channels_of_image, meet_channels, 8,
               (ChannelWinners & winners, int64_t image, int64_t first, const Shape& shape,
                const float* grad_output, const float* weights, float* grad_weights),
               (winners, image, first, shape, grad_output, weights, grad_weights))

}  // namespace

extern "C" {

void winners_convolution(const float* input, const uint8_t* argmax, int64_t images, int64_t height,
                         int64_t width, int64_t inputs, int64_t kernel, int64_t outputs, int threads,
                         const float* weights, const float* bias, float* output) {
    const Shape shape{height, width, inputs, kernel, outputs};
#pragma omp parallel num_threads(threads)
    {
        Winners winners(shape);
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < images; ++i) {
            const int64_t at = i * shape.input_size();
            convolution_of_image(input + at, argmax + at, shape, weights, bias,
                                 output + i * shape.output_size(), winners);
        }
    }
}

// The gradients with respect to the weights and, where an input is a winner, to the input; elsewhere it is 0.
// A thread takes some channels of all images, so that it alone adds to their weights' gradient, image by image.
void winners_convolution_gradient(const float* grad_output, const float* input, const uint8_t* argmax,
                                  int64_t images, int64_t height, int64_t width, int64_t inputs, int64_t kernel,
                                  int64_t outputs, int threads, const float* weights, float* grad_weights,
                                  float* grad_input) {
    const Shape shape{height, width, inputs, kernel, outputs};
    std::fill_n(grad_weights, shape.taps() * inputs * outputs, 0.0f);
    ChannelWinners winners(images, shape);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < images; ++i) {
            winners.find(input + i * shape.input_size(), argmax + i * shape.input_size(), i);
        }
#pragma omp for schedule(dynamic)
        for (int64_t first = 0; first < inputs; first += CHANNELS) {
            for (int64_t i = 0; i < images; ++i) {
                meet_channels_of_image(winners, i, first, shape, grad_output + i * shape.output_size(), weights,
                                       grad_weights);
            }
        }
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < images; ++i) winners.spread(i, grad_input + i * shape.input_size());
    }
}

}  // extern "C"
