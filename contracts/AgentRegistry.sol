// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What other contracts ask of an Identity Registry of ERC-8004.
interface AgentRegistry {
    function ownerOf(uint256 agentId) external view returns (address);
    function getApproved(uint256 agentId) external view returns (address);
    function isApprovedForAll(address owner, address operator) external view returns (bool);
    function setMetadata(uint256 agentId, string calldata metadataKey, bytes calldata metadataValue) external;
}

/// Who may act for an agent: its owner, the owner's operators, and whom the owner approved for it.
library Agents {
    AgentRegistry internal constant REGISTRY = AgentRegistry(0x8004A818BFB912233c491871b3d84c89A494BD9e);

    function controls(address account, uint256 agentId) internal view returns (bool) {
        address owner = REGISTRY.ownerOf(agentId);
        return account == owner || REGISTRY.isApprovedForAll(owner, account)
            || REGISTRY.getApproved(agentId) == account;
    }
}
