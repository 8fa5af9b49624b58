// Products of a batch with a matrix most of whose weights are zero, in time that grows with the number of the
// others. `sparse_linear.py` says what is computed.
//
// Batches are transposed, so that a register holds a feature of neighbouring samples, and filled up with zeros
// to whole chunks of samples.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>

#include "lanes.h"

namespace {

constexpr int64_t CHUNK = 64;  // samples

// A batch of (samples, features) as (chunks, features, CHUNK).
class Transposed {
public:
    Transposed(int64_t samples, int64_t features)
        : samples_(samples), features_(features), values_(new float[chunks() * features * CHUNK]) {}

    int64_t chunks() const { return (samples_ + CHUNK - 1) / CHUNK; }
    float* at(int64_t chunk, int64_t feature) { return values_.get() + (chunk * features_ + feature) * CHUNK; }
    const float* at(int64_t chunk, int64_t feature) const {
        return values_.get() + (chunk * features_ + feature) * CHUNK;
    }

    // TILE features of all samples.
    void take(const float* batch, int64_t feature) {
        const int64_t end = std::min(features_, feature + TILE);
        for (int64_t chunk = 0; chunk < chunks(); ++chunk) {
            const int64_t here = std::min(CHUNK, samples_ - chunk * CHUNK);
            for (int64_t f = feature; f < end; ++f) {
                float* const to = at(chunk, f);
                for (int64_t s = 0; s < here; ++s) to[s] = batch[(chunk * CHUNK + s) * features_ + f];
                std::fill(to + here, to + CHUNK, 0.0f);
            }
        }
    }

    void give(float* batch, int64_t feature) const {
        const int64_t end = std::min(features_, feature + TILE);
        for (int64_t s = 0; s < samples_; ++s) {
            for (int64_t f = feature; f < end; ++f) batch[s * features_ + f] = at(s / CHUNK, f)[s % CHUNK];
        }
    }

    float sum(int64_t feature) const {
        float total = 0;
        for (int64_t chunk = 0; chunk < chunks(); ++chunk) {
            total = std::accumulate(at(chunk, feature), at(chunk, feature) + CHUNK, total);
        }
        return total;
    }

    static constexpr int64_t TILE = 16;

private:
    int64_t samples_, features_;
    std::unique_ptr<float[]> values_;
};

// One chunk of one feature of a product: start + Σ weights[i]·(the chunk of feature indices[i]).
template <int LANES>
INLINED void add_features(const float* chunk, const float* weights, const int32_t* indices, int64_t count,
                          float start, float* result) {
    using L = Lanes<LANES>;
    constexpr int REGISTERS = CHUNK / LANES;
    typename L::Floats sum[REGISTERS];
    UNROLLED
    for (int r = 0; r < REGISTERS; ++r) sum[r] = typename L::Floats{} + start;
    for (int64_t i = 0; i < count; ++i) {
        const float weight = weights[i];
        const float* const feature = chunk + indices[i] * CHUNK;
        UNROLLED
        for (int r = 0; r < REGISTERS; ++r) sum[r] += weight * L::load(feature + r * LANES);
    }
    UNROLLED
    for (int r = 0; r < REGISTERS; ++r) L::store(result + r * LANES, sum[r]);
}

FOR_EACH_WIDTH(sum_of_features, add_features, 16,
               (const float* chunk, const float* weights, const int32_t* indices, int64_t count, float start,
                float* result),
               (chunk, weights, indices, count, start, result))

// Adds to sums[i] the product of a chunk of the gradient with the chunk of feature indices[i], over the
// samples.
template <int LANES>
INLINED void multiply_features(const float* gradient, const float* chunk, const int32_t* indices, int64_t count,
                               float* sums) {
    using L = Lanes<LANES>;
    constexpr int REGISTERS = CHUNK / LANES;
    typename L::Floats of_sample[REGISTERS];
    UNROLLED
    for (int r = 0; r < REGISTERS; ++r) of_sample[r] = L::load(gradient + r * LANES);
    for (int64_t i = 0; i < count; ++i) {
        const float* const feature = chunk + indices[i] * CHUNK;
        typename L::Floats sum = {};
        UNROLLED
        for (int r = 0; r < REGISTERS; ++r) sum += of_sample[r] * L::load(feature + r * LANES);
        sums[i] += L::sum(sum);
    }
}

FOR_EACH_WIDTH(products_with_features, multiply_features, 16,
               (const float* gradient, const float* chunk, const int32_t* indices, int64_t count, float* sums),
               (gradient, chunk, indices, count, sums))

}  // namespace

extern "C" {

// `count` weights of each row are kept. The columns of row r are column_of[r·count] up to column_of[(r + 1)·count],
// and its weights are there too; column by column (CSC) there is each weight's row, and its index in that order.

// y = x·weightsᵀ + bias: x is (samples, columns), y is (samples, rows).
void linear_of_kept(const float* x, int64_t samples, int64_t rows, int64_t columns, int64_t count,
                   const int32_t* column_of, int threads, const float* weights, const float* bias, float* y) {
    Transposed features(samples, columns), outputs(samples, rows);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic)
        for (int64_t f = 0; f < columns; f += Transposed::TILE) features.take(x, f);
        for (int64_t chunk = 0; chunk < features.chunks(); ++chunk) {
#pragma omp for schedule(dynamic, 16)
            for (int64_t row = 0; row < rows; ++row) {
                sum_of_features(features.at(chunk, 0), weights + row * count, column_of + row * count, count,
                                bias[row], outputs.at(chunk, row));
            }
        }
#pragma omp for schedule(dynamic)
        for (int64_t f = 0; f < rows; f += Transposed::TILE) outputs.give(y, f);
    }
}

// The gradients with respect to x, to the weights, and to the bias.
void linear_of_kept_gradient(const float* grad_y, const float* x, int64_t samples, int64_t rows, int64_t columns,
                            int64_t count, const int32_t* column_of, const int32_t* column_starts,
                            const int32_t* row_of, const int32_t* index_of, int threads, const float* weights,
                            float* grad_x, float* grad_weights, float* grad_bias) {
    Transposed features(samples, columns), gradients(samples, rows), grad_features(samples, columns);
    std::unique_ptr<float[]> by_column(new float[rows * count]);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic) nowait
        for (int64_t f = 0; f < columns; f += Transposed::TILE) features.take(x, f);
#pragma omp for nowait
        for (int64_t i = 0; i < rows * count; ++i) by_column[i] = weights[index_of[i]];
#pragma omp for schedule(dynamic)
        for (int64_t f = 0; f < rows; f += Transposed::TILE) gradients.take(grad_y, f);
        for (int64_t chunk = 0; chunk < features.chunks(); ++chunk) {
#pragma omp for schedule(dynamic, 16)
            for (int64_t row = 0; row < rows; ++row) {
                float* const products = grad_weights + row * count;
                if (chunk == 0) {
                    std::fill_n(products, count, 0.0f);
                    grad_bias[row] = gradients.sum(row);
                }
                products_with_features(gradients.at(chunk, row), features.at(chunk, 0), column_of + row * count,
                                       count, products);
            }
        }
        for (int64_t chunk = 0; chunk < features.chunks(); ++chunk) {
#pragma omp for schedule(dynamic, 16)
            for (int64_t column = 0; column < columns; ++column) {
                const int64_t begin = column_starts[column];
                sum_of_features(gradients.at(chunk, 0), by_column.get() + begin, row_of + begin,
                                column_starts[column + 1] - begin, 0.0f, grad_features.at(chunk, column));
            }
        }
#pragma omp for schedule(dynamic)
        for (int64_t f = 0; f < columns; f += Transposed::TILE) grad_features.give(grad_x, f);
    }
}

}  // extern "C"
