namespace ShimRuntime.Shim.Generations;

/// <summary>Whom a generation tells what becomes of it, on the loop's thread. Each at most once, in this order; some never come.</summary>
internal interface IGenerationOwner
{
    /// <summary>runc create has succeeded: its init waits to be started.</summary>
    void Created(Generation generation);

    /// <summary>Its process runs.</summary>
    void Running(Generation generation);

    /// <summary>It has bound an address that is held, and has the listener; any number of times.</summary>
    void Claimed(Generation generation);

    /// <summary>Its init has ended; output may still come.</summary>
    void Exiting(Generation generation);

    /// <summary><see cref="Generation.Exit"/> is final: the output is written, or runc had refused it.</summary>
    void Ended(Generation generation);

    /// <summary>runc has forgotten it and its leaf is gone.</summary>
    void Deleted(Generation generation);
}
