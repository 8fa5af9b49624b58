// For the functions that do the work of one image or one clip.

#pragma once

// Compiled once for each generation of x86-64; the loader chooses the copy that this processor can run. A
// template has no such copies, so it is INLINED into a function that has.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__)
#define HAS_PROCESSOR_LEVELS
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif
#define INLINED inline __attribute__((always_inline))
