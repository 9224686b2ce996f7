import ImageConversion
import NIOPosix
import Operations

extension ImageConverter {
    init(_ conversion: Settings.Conversion, threads: NIOThreadPool) {
        var limits = ConversionLimits()
        limits.maxBytes = conversion.maxBytes
        limits.maxRatio = Int64(conversion.maxRatio)
        limits.maxMemoryBytes = conversion.maxMemoryBytes
        limits.processorTime = conversion.maxProcessorTime
        limits.patience = conversion.timeout
        self.init(to: conversion.format, limits: limits, scratch: conversion.scratch, threads: threads)
    }
}
