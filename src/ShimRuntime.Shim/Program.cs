using ShimRuntime.Shim;

return Dispatch.Run(args);
