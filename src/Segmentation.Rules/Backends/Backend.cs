namespace Segmentation.Rules.Backends;

/// <summary>Where compiled rules run, and so which shape is fast.</summary>
public enum Backend { Sql, Memory }
