namespace ShimRuntime.Linux;

/// <summary>Owner of one file descriptor in an <see cref="EpollLoop"/>.</summary>
public interface IEpollHandler
{
    /// <param name="events">EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as epoll_ctl(2) has them.</param>
    void OnReady(uint events);
}
