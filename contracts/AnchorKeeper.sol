// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentRegistry} from "./AgentRegistry.sol";

interface ValidationRequests {
    function validationRequest(address validator, uint256 agentId, string calldata uri, bytes32 hash) external;
}

/// Stands between an agent of ERC-8004 and the hot key that anchors its log. Whoever an ERC-721 token is
/// approved for can transfer it: the owner of the agent approves this contract, which can write one key of
/// metadata and ask for validations, and appoints who may make it do so. One instance serves every agent of
/// every registry of a chain; nobody owns it.
contract AnchorKeeper {
    string public constant METADATA_KEY = "batchin.checkpoint";

    mapping(AgentRegistry registry => mapping(uint256 agentId => address)) public writerOf;

    event WriterAppointed(AgentRegistry indexed registry, uint256 indexed agentId, address indexed writer);

    modifier onlyWriter(AgentRegistry registry, uint256 agentId) {
        require(msg.sender == writerOf[registry][agentId], "not the writer");
        _;
    }

    /// The owner of the agent says who anchors; address(0): nobody. A new owner appoints anew, for the
    /// approval ends with the transfer.
    function appoint(AgentRegistry registry, uint256 agentId, address writer) external {
        require(msg.sender == registry.ownerOf(agentId), "not the owner");
        writerOf[registry][agentId] = writer;
        emit WriterAppointed(registry, agentId, writer);
    }

    function anchor(AgentRegistry registry, uint256 agentId, bytes32 digest) external onlyWriter(registry, agentId) {
        registry.setMetadata(agentId, METADATA_KEY, abi.encodePacked(digest));
    }

    function validate(
        AgentRegistry registry,
        uint256 agentId,
        ValidationRequests validations,
        address validator,
        string calldata uri,
        bytes32 digest
    ) external onlyWriter(registry, agentId) {
        validations.validationRequest(validator, agentId, uri, digest);
    }
}
