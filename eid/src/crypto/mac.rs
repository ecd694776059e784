//! Retail MAC (ISO/IEC 9797-1 MAC algorithm 3, DES) and AES-CMAC, eight bytes as Doc 9303-11 §9.7.3 cuts them.
