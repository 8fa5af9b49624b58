// The k-th highest of each row of a matrix: `kth_highest.py` says what it is for.

#include <cstdint>
#include <vector>

#include "processor.h"
#include "threshold.h"

namespace {

INLINED float kth_highest_of_row_here(const float* values, int64_t count, int64_t k, int32_t* orders,
                                      int16_t* halves) {
    for (int64_t i = 0; i < count; ++i) orders[i] = order_of(values[i]);
    return float_of(kth_highest_order(orders, count, k, halves));
}

FOR_EACH_PROCESSOR(float, kth_highest_of_row, kth_highest_of_row_here, 16,
                   (const float* values, int64_t count, int64_t k, int32_t* orders, int16_t* halves),
                   (values, count, k, orders, halves))

}  // namespace

extern "C" {

// The k-th highest of each row of (rows, count) values.
void kth_highest(const float* values, int64_t rows, int64_t count, int64_t k, int threads, float* result) {
#pragma omp parallel num_threads(threads)
    {
        std::vector<int32_t> orders(count);
        std::vector<int16_t> halves(count);
#pragma omp for schedule(dynamic)
        for (int64_t row = 0; row < rows; ++row) {
            result[row] = kth_highest_of_row(values + row * count, count, k, orders.data(), halves.data());
        }
    }
}

}  // extern "C"
