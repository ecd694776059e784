//! CBC and single-block encryption under a suite's key, and padding method 2 of ISO/IEC 9797-1.
