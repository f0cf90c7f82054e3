namespace Segmentation.Api.Experiments;

/// <summary>Names experiments in definitions of its own, and says so before one goes.</summary>
public interface IExperimentUser
{
    /// <summary>What names this experiment, as an error text lists it: <c>playbook "win-back"</c>.</summary>
    Task<IReadOnlyList<string>> ListUsersAsync(string key, CancellationToken cancellation);
}
